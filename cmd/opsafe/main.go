// Command opsafe keeps a server in its declared state.
package main

import (
	"os"
	"runtime/debug"

	"opsafe/internal/cli"
)

// memoryGoal is what the heap may grow to, in bytes, before memory counts for
// more than time.
const memoryGoal = 64 << 20

func main() {
	// A run is over before most of its garbage would have to be collected.
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(memoryGoal)
	os.Exit(cli.Main(os.Args[1:]))
}
