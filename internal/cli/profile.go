package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"

	"github.com/spf13/cobra"
)

// profiles are for whoever works on opsafe: where its time goes, and its memory.
type profiles struct {
	dir string
	cpu *os.File
}

// addProfile adds the flag, which help does not show, to every command.
func addProfile(root *cobra.Command) *profiles {
	p := &profiles{}
	flags := root.PersistentFlags()
	flags.StringVar(&p.dir, "profile", "", "write profiles of this run, cpu.pprof and heap.pprof, into this `DIR`")
	_ = flags.MarkHidden("profile")
	check := root.PersistentPreRunE
	root.PersistentPreRunE = func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil || p.dir == "" {
			return err
		}
		return p.open()
	}
	return p
}

func (p *profiles) open() error {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return fmt.Errorf("cannot write a profile: %w", err)
	}
	var err error
	if p.cpu, err = os.Create(filepath.Join(p.dir, "cpu.pprof")); err != nil {
		return fmt.Errorf("cannot write a profile: %w", err)
	}
	return pprof.StartCPUProfile(p.cpu)
}

// close ends what open has begun.
func (p *profiles) close() error {
	if p.cpu == nil {
		return nil
	}
	pprof.StopCPUProfile()
	runtime.GC() // else it knows nothing of what came after the last one
	heap, err := os.Create(filepath.Join(p.dir, "heap.pprof"))
	if err == nil {
		err = errors.Join(pprof.Lookup("allocs").WriteTo(heap, 0), heap.Close())
	}
	if err = errors.Join(err, p.cpu.Close()); err != nil {
		return fmt.Errorf("cannot write a profile: %w", err)
	}
	return nil
}
