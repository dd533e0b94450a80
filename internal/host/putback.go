package host

// PutBack is what was done to have compose projects as they were.
type PutBack struct {
	// Did says what was done, and Failed what could not be; nil: nothing.
	Did    []string
	Failed error
	// Said are the last words of containers that had to go, and whose logs went with them:
	// a few lines each, the first of which names it.
	Said []string
	// Instead are the containers that had to go, and Removed the services that had none
	// left.
	Instead []Replaced
	Removed []ServiceRef
}

// Replaced is a container in the place of which another comes back.
type Replaced struct {
	Container
	// New says that its service had none before.
	New bool
}
