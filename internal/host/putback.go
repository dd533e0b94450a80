package host

// PutBack is what was done to have compose projects as they were.
type PutBack struct {
	// Did says what was done, and Failed what could not be; nil: nothing.
	Did    []string
	Failed error
	// Said are sentences that say where the last lines of the logs of containers are kept
	// that had to go.
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
