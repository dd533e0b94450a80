package cli

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

func newWhereami(a *App) *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "whereami",
		Short: "Say which backend's host this is",
		Args:  noArgs,
		RunE:  func(*cobra.Command, []string) error { return a.whereami(o) },
	}
	o.addDir(c)
	o.addFormats(c, formatText, formatJSON)
	return c
}

func (a *App) whereami(o options) error {
	if err := o.checkFormat(); err != nil {
		return err
	}
	data, err := a.Host.ReadFile(backendFile)
	if err != nil {
		return err
	}
	backend := strings.TrimSpace(string(data))
	facts, err := a.Host.Facts()
	if err != nil {
		return err
	}
	dir, err := o.repository(a)
	if err != nil {
		dir = ""
	}
	if o.format == formatJSON {
		e := json.NewEncoder(a.Out)
		e.SetIndent("", "  ")
		return e.Encode(map[string]any{
			"format_version": 1, "backend": backend, "host": facts.Hostname,
			"distro": facts.Distro, "release": facts.Release, "dir": dir,
		})
	}
	if backend == "" {
		backend = "none (opsafe bootstrap has not been run here)"
	}
	if dir == "" {
		dir = "none found"
	}
	fmt.Fprintf(a.Out, "backend  %s\nhost     %s, %s %s (%s)\nspec     %s\n", backend, facts.Hostname, facts.Distro, facts.Version, facts.Release, dir)
	return nil
}

func newVersion(a *App) *cobra.Command {
	var o options
	c := &cobra.Command{
		Use:   "version",
		Short: "Say which opsafe this is",
		Args:  noArgs,
		RunE:  func(*cobra.Command, []string) error { return a.version(o) },
	}
	o.addFormats(c, formatText, formatJSON)
	return c
}

func (a *App) version(o options) error {
	if err := o.checkFormat(); err != nil {
		return err
	}
	if o.format == formatText {
		fmt.Fprintf(a.Out, "opsafe %s, %s %s/%s\n", program(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return nil
	}
	number, revision := version()
	e := json.NewEncoder(a.Out)
	e.SetIndent("", "  ")
	return e.Encode(map[string]any{
		"format_version": 1, "version": number, "revision": revision,
		"go": runtime.Version(), "os": runtime.GOOS, "architecture": runtime.GOARCH,
	})
}

// program says which opsafe this is: its version, and the commit that it was built
// from, as far as they are known.
func program() string {
	number, revision := version()
	if revision == "" {
		return number
	}
	return number + ", " + revision
}

// number is the version that specs can ask for.
func (a *App) number() string {
	if a.Version != "" {
		return a.Version
	}
	number, _ := version()
	return number
}

// version is which opsafe this is, and of which commit, as far as it knows.
func version() (number, revision string) {
	number = "devel"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return number, ""
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		number = v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value
		}
	}
	return number, revision
}
