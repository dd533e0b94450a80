package passwords_test

import (
	"flag"
	"testing"

	"opsafe/internal/kind/kindtest"
)

var update = flag.Bool("update", false, "write what the cases give into their golden part")

// TestCases crosses what is declared with what is there.
func TestCases(t *testing.T) { kindtest.Run(t, *update) }
