package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"redoubt/conf"
	"redoubt/raft"
)

// askLimit bounds one question to a member. It is longer than the member itself gives a change.
const askLimit = 40 * time.Second

// application is a node's question to be taken into a cluster.
type application struct {
	config   *conf.Config
	instance uint64
}

// membership is what the cluster answers: the node's id, and the members.
type membership struct {
	id    uint64
	peers []raft.Peer
}

// movedError names the leader.
type movedError struct{ leader string }

func (e movedError) Error() string { return "MOVED to " + e.leader }

// finalError is an answer that asking again will not change.
type finalError struct{ reason string }

func (e finalError) Error() string { return e.reason }

// ask asks one member. Errors: movedError, finalError, and others, after which it may be asked again: the cluster knows
// the instance, and takes it in once.
func (a application) ask(ctx context.Context, address string) (membership, error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	client := dialMember(address)
	defer client.Close()
	if err := a.checkCluster(ctx, client); err != nil {
		return membership{}, err
	}
	reply, err := client.Do(ctx, a.words()...).Result()
	if err != nil {
		return membership{}, judge(err)
	}
	return parseMembership(reply)
}

// dialMember returns a client of one node that repeats nothing by itself.
func dialMember(address string) *redis.Client {
	redis.SetLogger(quiet{})
	return redis.NewClient(&redis.Options{
		Addr: address, Protocol: 3, MaxRetries: -1, ContextTimeoutEnabled: true, DisableIdentity: true,
		ReadTimeout: askLimit, PoolSize: 1,
	})
}

// checkCluster makes sure that the member is one of the cluster that is meant, before anything changes there.
func (a application) checkCluster(ctx context.Context, client *redis.Client) error {
	info, err := client.Info(ctx, "raft").Result()
	if err != nil {
		return err
	}
	_, rest, found := strings.Cut(info, "raft_cluster_id:")
	if !found {
		return finalError{"it is no node of Redoubt"}
	}
	if name, _, _ := strings.Cut(rest, "\r\n"); name != a.config.ClusterID {
		return finalError{fmt.Sprintf("its cluster is called %q, and this node's cluster-id is %q", name, a.config.ClusterID)}
	}
	return nil
}

// words are the command.
func (a application) words() []any {
	words := []any{"RAFT", "JOIN", a.config.PeerAnnounce, "INSTANCE", a.instance}
	if a.config.NodeIDGiven {
		words = append(words, "ID", a.config.NodeID)
	}
	if a.config.JoinLearner {
		words = append(words, "LEARNER")
	}
	return words
}

// judge tells the errors of RAFT JOIN apart.
func judge(err error) error {
	var reply redis.Error
	if !errors.As(err, &reply) {
		return err
	}
	words := strings.Fields(reply.Error())
	switch {
	case len(words) == 3 && words[0] == "MOVED":
		return movedError{words[2]}
	case strings.HasPrefix(reply.Error(), "ERR max number of clients"): // which passes
	case len(words) > 0 && words[0] == "ERR":
		return finalError{reply.Error()}
	}
	return err
}

// parseMembership reads the reply to RAFT JOIN.
func parseMembership(reply any) (membership, error) {
	var m membership
	fields, _ := reply.(map[any]any)
	id, _ := fields["id"].(int64)
	m.id = uint64(id)
	for _, row := range parseMembers(fields["members"]) {
		m.peers = append(m.peers, raft.Peer{ID: raft.NodeID(row.id), Address: row.peer})
	}
	if id < 1 || len(m.peers) == 0 {
		return membership{}, fmt.Errorf("not a reply to RAFT JOIN: %.200v", reply)
	}
	return m, nil
}

// memberRow is what RAFT NODES says of one member.
type memberRow struct {
	id, match int64
	peer      string
	leader    bool
}

// parseMembers reads the rows of RAFT NODES. What is none is left out.
func parseMembers(reply any) []memberRow {
	list, _ := reply.([]any)
	var rows []memberRow
	for _, item := range list {
		fields, _ := item.(map[any]any)
		row := memberRow{}
		row.id, _ = fields["id"].(int64)
		row.match, _ = fields["match"].(int64)
		row.peer, _ = fields["peer"].(string)
		leads, _ := fields["leader"].(int64)
		row.leader = leads == 1
		if row.id > 0 && row.peer != "" {
			rows = append(rows, row)
		}
	}
	return rows
}
