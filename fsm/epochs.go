package fsm

import "slices"

// epochs count the Views of a structure that is copied on write. What is made carries the epoch it was made in,
// and everything up to the epoch of the newest living View is shared: it is copied before it is changed.
type epochs struct {
	// epoch stamps what is made now. It grows with each View.
	epoch uint32
	// shared is the epoch of the newest living View, or zero.
	shared uint32
	// views are the epochs of the living Views.
	views []uint32
}

// share begins a View: what there is now is shared until unshare with the epoch that is returned.
func (e *epochs) share() (epoch uint32) {
	epoch = e.epoch
	e.views = append(e.views, epoch)
	e.shared = epoch
	e.epoch++
	return epoch
}

// unshare ends the View that began at an epoch.
func (e *epochs) unshare(epoch uint32) {
	i := slices.Index(e.views, epoch)
	if i < 0 {
		panic("BUG: fsm: view released twice")
	}
	e.views = slices.Delete(e.views, i, i+1)
	e.shared = 0
	if len(e.views) > 0 {
		e.shared = slices.Max(e.views)
	}
}
