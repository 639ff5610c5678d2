package planted

import "slices"

// Catalogue are the bugs that the simulation must find.
var Catalogue = slices.Concat(consensus, membership, driver, replica, stateMachine)
