package fsm

import "slices"

const (
	// sessionFanBits of an id choose the child of a node.
	sessionFanBits = 5
	sessionFan     = 1 << sessionFanBits
)

// sessionTree is the sessions of a machine or of a View: a radix tree over their ids, which are counted up, so that it
// is dense where sessions live.
type sessionTree struct {
	root *sessionNode
	// height is the level of the root; a leaf has level zero.
	height int
	count  int
	// lastID is the id of the session that was opened last. Ids are never used again.
	lastID uint64
	// uses counts commands that opened or named a session.
	uses uint64
}

// sessionNode is a branch if kids is set, else a leaf. Nodes of an epoch that is shared with a View are never changed.
type sessionNode struct {
	kids     []*sessionNode
	sessions []*session
	// count is the number of kids or sessions that there are.
	count int
	epoch uint32
}

// fanIndex picks the child of a node at a level.
func fanIndex(id uint64, level int) int {
	return int(id >> (level * sessionFanBits) & (sessionFan - 1))
}

// covers reports whether an id fits below a root at the tree's height.
func (t *sessionTree) covers(id uint64) bool { return id>>((t.height+1)*sessionFanBits) == 0 }

// get returns the session with an id, or nil.
func (t *sessionTree) get(id uint64) *session {
	if !t.covers(id) {
		return nil
	}
	n := t.root
	for level := t.height; n != nil; level-- {
		if level == 0 {
			return n.sessions[fanIndex(id, 0)]
		}
		n = n.kids[fanIndex(id, level)]
	}
	return nil
}

// walk visits the sessions by ascending id until visit returns false.
func (t *sessionTree) walk(visit func(*session) bool) { t.root.walk(visit) }

func (n *sessionNode) walk(visit func(*session) bool) bool {
	if n == nil {
		return true
	}
	for _, kid := range n.kids {
		if !kid.walk(visit) {
			return false
		}
	}
	for _, s := range n.sessions {
		if s != nil && !visit(s) {
			return false
		}
	}
	return true
}

// put makes s the session with its id.
func (t *sessionTable) put(s *session) {
	for !t.covers(s.id) {
		t.height++
		if t.root != nil {
			root := &sessionNode{kids: make([]*sessionNode, sessionFan), count: 1, epoch: t.epoch}
			root.kids[0] = t.root
			t.root = root
		}
	}
	t.root = t.putBelow(t.root, t.height, s)
}

func (t *sessionTable) putBelow(n *sessionNode, level int, s *session) *sessionNode {
	n = t.ownNode(n, level)
	i := fanIndex(s.id, level)
	if level == 0 {
		if n.sessions[i] == nil {
			n.count++
		}
		n.sessions[i] = s
		return n
	}
	if n.kids[i] == nil {
		n.count++
	}
	n.kids[i] = t.putBelow(n.kids[i], level-1, s)
	return n
}

// drop takes the session with an id out, and nodes that become empty.
func (t *sessionTable) drop(id uint64) { t.root = t.dropBelow(t.root, t.height, id) }

func (t *sessionTable) dropBelow(n *sessionNode, level int, id uint64) *sessionNode {
	n = t.ownNode(n, level)
	i := fanIndex(id, level)
	if level == 0 {
		n.sessions[i] = nil
	} else if n.kids[i] = t.dropBelow(n.kids[i], level-1, id); n.kids[i] != nil {
		return n
	}
	if n.count--; n.count == 0 {
		return nil
	}
	return n
}

// ownNode returns a node for changing: itself, a copy if it is shared, or a new one if it is nil.
func (t *sessionTable) ownNode(n *sessionNode, level int) *sessionNode {
	switch {
	case n == nil && level == 0:
		return &sessionNode{sessions: make([]*session, sessionFan), epoch: t.epoch}
	case n == nil:
		return &sessionNode{kids: make([]*sessionNode, sessionFan), epoch: t.epoch}
	case n.epoch > t.shared:
		return n
	}
	return &sessionNode{kids: slices.Clone(n.kids), sessions: slices.Clone(n.sessions), count: n.count, epoch: t.epoch}
}
