// Command try shows what opsafe is, to somebody who has never heard of it: it
// boots a throwaway Debian host, lets opsafe loose on it, and says what is going
// on. What it says is checked: it fails when opsafe does something else.
//
// It is run by make try, from the root of the repository.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s := newScreen(os.Stdout)
	if err := try(ctx, s); err != nil {
		if ctx.Err() != nil {
			err = fmt.Errorf("interrupted: %w", err)
		}
		s.failed(err)
		stop()
		os.Exit(1)
	}
}

// try runs the whole demonstration.
func try(ctx context.Context, s *screen) error {
	d := &demo{screen: s}
	s.title("opsafe", "keeps a server in its declared state")
	s.say(`What a server is to be (its people and their keys, groups, directories and who
may read them, services, settings) is written down in files. opsafe compares
that with the server, says exactly what it would change, changes just that, and
looks again to prove it.`)
	s.say(`What follows happens on a throwaway Debian host; this machine is left alone. It
takes two minutes. Every command is one that you could type yourself.`)
	for _, step := range []func(context.Context) error{
		d.boot, d.plan, d.manage, d.again, d.disturb, d.disable,
	} {
		if err := step(ctx); err != nil {
			return d.left(err)
		}
	}
	d.goodbye()
	return nil
}

// wrong is the error of a demonstration that does not go as it says.
func wrong(format string, args ...any) error {
	return fmt.Errorf("this is not what should have happened: "+format, args...)
}
