package hosttest_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"opsafe/internal/host"
	"opsafe/internal/host/hosttest"
	"opsafe/internal/host/overlay"
	"opsafe/internal/host/snapshot"
)

// TestEachStepHasACase does all cases, and compares the steps that they do with the
// steps that there are: a new one without a case fails here.
func TestEachStepHasACase(t *testing.T) {
	t.Parallel()
	done := map[string]bool{}
	hosttest.Run(t, func(*testing.T) host.Host {
		return &noting{Host: overlay.New(snapshot.New(bare())), done: done}
	})
	steps := receivers(t)["touches"]
	if len(steps) == 0 {
		t.Fatal("no steps found in the source of package host")
	}
	for _, name := range steps {
		if !done[name] {
			t.Errorf("no case does the step %s", name)
		}
	}
}

// TestEachStepHasASubject holds that a step belongs to one subject, of whose
// switches the linter then asks for it.
func TestEachStepHasASubject(t *testing.T) {
	t.Parallel()
	methods := receivers(t)
	for _, name := range methods["touches"] {
		var of []string
		for _, subject := range []string{"account", "file", "pkg", "unit", "docker", "firewall", "note", "trial"} {
			if slices.Contains(methods[subject], name) {
				of = append(of, subject)
			}
		}
		if len(of) != 1 && name != "Probe" {
			t.Errorf("the step %s is of the subjects %q, want one", name, of)
		}
	}
}

// noting is a host that notes which steps it was given.
type noting struct {
	host.Host
	done map[string]bool
}

func (n *noting) Do(ctx context.Context, s host.Step) error {
	n.done[strings.TrimPrefix(fmt.Sprintf("%T", s), "host.")] = true
	return n.Host.Do(ctx, s)
}

// receivers lists the types of package host that have a method, by its name.
func receivers(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("../*.go")
	if err != nil {
		t.Fatal(err)
	}
	types := map[string][]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil {
				continue
			}
			if of, ok := f.Recv.List[0].Type.(*ast.Ident); ok {
				types[f.Name.Name] = append(types[f.Name.Name], of.Name)
			}
		}
	}
	return types
}
