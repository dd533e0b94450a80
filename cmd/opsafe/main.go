// Command opsafe keeps a server in its declared state.
package main

import (
	"os"

	"opsafe/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }
