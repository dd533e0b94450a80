package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"opsafe/internal/testhost"
)

func logTo(cmd *cobra.Command) func(string, ...any) {
	return func(format string, args ...any) { cmd.PrintErrf(format+"\n", args...) }
}

func newBoot() *cobra.Command {
	o := testhost.Options{Keep: true}
	cmd := &cobra.Command{
		Use:   "boot",
		Short: "Boot a host and print its name",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Log = logTo(cmd)
			start := time.Now()
			h, err := testhost.Boot(cmd.Context(), o)
			if err != nil {
				return err
			}
			cmd.PrintErrf("booted %s %s in %.1f s\n", h.Info().Suite, h.Info().Image, time.Since(start).Seconds())
			fmt.Fprintln(cmd.OutOrStdout(), h.Name())
			return nil
		},
	}
	cmd.Flags().StringVar(&o.Name, "name", "", "name of the host (default: one of its own)")
	cmd.Flags().StringVar(&o.Suite, "suite", testhost.DefaultSuite, "Debian release: bullseye, bookworm, trixie")
	cmd.Flags().StringVar((*string)(&o.Image), "image", string(testhost.Bare), "what is installed: bare, full")
	return cmd
}

func newEnter() *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use:   "enter NAME",
		Short: "Log in to a host",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			h, err := running(args[0])
			if err != nil {
				return err
			}
			if !term.IsTerminal(int(os.Stdin.Fd())) {
				return errors.New("cannot enter: standard input is not a terminal; use run")
			}
			// Interrupts are for the shell, not for this process.
			return passOn(h.Login(cmd.Context(), user))
		},
	}
	cmd.Flags().StringVarP(&user, "user", "u", "root", "whom to log in as")
	return cmd
}

func newRun() *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use:   "run NAME -- PROGRAM [ARGUMENT...]",
		Short: "Run a program in a host",
		Args:  cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			h, err := running(args[0])
			if err != nil {
				return err
			}
			argv := args[1:]
			if argv[0] == "--" && len(argv) > 1 {
				argv = argv[1:]
			}
			c := h.Command(cmd.Context(), argv...)
			if user != "root" {
				c = h.As(cmd.Context(), user, argv...)
			}
			c.Stdin, c.Stdout, c.Stderr = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
			return passOn(c)
		},
	}
	cmd.Flags().SetInterspersed(false)
	cmd.Flags().StringVarP(&user, "user", "u", "root", "whom to run it as")
	return cmd
}

func newCopy() *cobra.Command {
	return &cobra.Command{
		Use:   "copy NAME SOURCE DESTINATION",
		Short: "Copy a file or a directory tree into a host",
		Args:  cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			h, err := running(args[0])
			if err != nil {
				return err
			}
			return h.Install(cmd.Context(), args[1], args[2])
		},
	}
}

func newList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the hosts of this machine",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			infos, err := testhost.List()
			if err != nil {
				return err
			}
			if len(infos) == 0 {
				cmd.PrintErrln("no hosts")
				return nil
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tSUITE\tIMAGE\tSTATE\tAGE")
			for _, i := range infos {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", i.Name, i.Suite, i.Image, state(i), time.Since(i.Created).Round(time.Second))
			}
			return w.Flush()
		},
	}
}

func state(i testhost.Info) string {
	switch {
	case !i.Running:
		return "stopped"
	case i.Keep:
		return "running"
	}
	return fmt.Sprintf("running for process %d", i.Owner)
}

func newDelete() *cobra.Command {
	var all, yes bool
	cmd := &cobra.Command{
		Use:   "delete NAME... | --all",
		Short: "Delete hosts",
		Long: `Deletes hosts by name, or all that were booted by hand, whoever did.
Hosts of running tests stay.`,
		RunE: func(cmd *cobra.Command, names []string) error {
			if all == (len(names) > 0) {
				return errors.New("cannot delete: say names or --all")
			}
			if all {
				var err error
				if names, err = kept(); err != nil {
					return err
				}
				if len(names) > 0 && !yes && !confirm(cmd, names) {
					return errors.New("nothing deleted")
				}
			}
			var failed []error
			for _, name := range names {
				failed = append(failed, remove(cmd, name))
			}
			return errors.Join(append(failed, testhost.Reap())...)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all hosts that were booted by hand")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask before deleting all")
	return cmd
}

// kept names the hosts that were booted by hand.
func kept() ([]string, error) {
	infos, err := testhost.List()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, i := range infos {
		if i.Keep {
			names = append(names, i.Name)
		}
	}
	return names, nil
}

// confirm asks; other people's hosts may be among them.
func confirm(cmd *cobra.Command, names []string) bool {
	cmd.PrintErrf("delete %s? [y/N] ", strings.Join(names, ", "))
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		cmd.PrintErrln("not a terminal: use --yes")
		return false
	}
	answer, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	return err == nil && strings.EqualFold(strings.TrimSpace(answer), "y")
}

func remove(cmd *cobra.Command, name string) error {
	h, err := testhost.Open(name)
	if err != nil {
		return err
	}
	if err := h.Close(); err != nil {
		return err
	}
	cmd.PrintErrf("deleted %s\n", name)
	return nil
}

func newPrepare() *cobra.Command {
	var suites, images []string
	cmd := &cobra.Command{
		Use:   "prepare",
		Short: "Build the images that hosts boot from",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, s := range suites {
				for _, i := range images {
					o := testhost.Options{Suite: s, Image: testhost.Image(i), Log: logTo(cmd)}
					if err := testhost.Prepare(cmd.Context(), o); err != nil {
						return err
					}
					cmd.PrintErrf("%s %s is ready\n", s, i)
				}
			}
			return nil
		},
	}
	cmd.Flags().StringSliceVar(&suites, "suite", []string{testhost.DefaultSuite}, "Debian releases")
	cmd.Flags().StringSliceVar(&images, "image", []string{string(testhost.Bare), string(testhost.Full)}, "images")
	return cmd
}

// running opens a host that can be used.
func running(name string) (*testhost.Host, error) {
	h, err := testhost.Open(name)
	if err != nil {
		return nil, err
	}
	if !h.Info().Running {
		return nil, fmt.Errorf("host %s does not run any more: delete it", name)
	}
	return h, nil
}
