package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"opsafe/internal/testhost"
)

// notHere is what opsafe says of resources that a host has no use for. It is
// shown once.
const notHere = "not applicable on this host"

// boot makes the host and puts onto it what a real one gets: the program and
// the repository with the specs.
func (d *demo) boot(ctx context.Context) error {
	d.heading("A bare Debian host")
	if old, err := testhost.Open(hostName); err == nil {
		d.say("There is a host %q from an earlier try: deleting it, with all that is on it.", hostName)
		if err := old.Close(); err != nil {
			return fmt.Errorf("cannot delete the old host: %w", err)
		}
	}
	start := time.Now()
	h, err := testhost.Boot(ctx, testhost.Options{Name: hostName, Keep: true, Log: func(format string, args ...any) {
		d.say(format, args...)
		start = time.Now()
	}})
	if err != nil {
		return err
	}
	d.host = h
	d.say(`Debian 12 with systemd and sshd booted in %.1f s, as %q: nobody has an account
on it, and there is no docker and no service.`, time.Since(start).Seconds(), hostName)
	for _, name := range []string{"bin/opsafe", "backends", "developers.yaml", "keys"} {
		if err := h.Install(ctx, name, repository+"/"+name); err != nil {
			return err
		}
	}
	res, err := h.Run(ctx, "chmod", "-R", "u+rwX,go-w", repository)
	if err != nil || res.Code != 0 {
		return fmt.Errorf("cannot set the modes of %s: %s: %w", repository, res.Stderr, err)
	}
	d.say(`It was given the program and the repository, in %s:
  bin/opsafe                  one file without dependencies
  developers.yaml             the people, each with a role
  keys/                       their public SSH keys
  backends/%s/backend.yaml   what a server of TPP is to be`, repository, backend)
	return nil
}

// plan shows what would be done.
func (d *demo) plan(ctx context.Context) error {
	d.heading("What would opsafe do?")
	d.say(`bootstrap tells the host once and for all which server it is, and installs
opsafe.`)
	if _, err := d.show(ctx, folding{Items: 9, Lines: 3}, 0, repository+"/bin/opsafe", "bootstrap", backend); err != nil {
		return err
	}
	d.say(`A plan looks, compares, and changes nothing: + is to be made, ~ to be changed,
- to be removed, ↻ to be restarted or reloaded. It knows what follows
from what: the docker group that docker.io is going to bring, for instance. Long
lists and files are folded here.`)
	out, err := d.show(ctx, folding{Items: 3, Lines: 4}, 0, "opsafe", "plan", "--backend", backend)
	if err != nil {
		return err
	}
	d.planned = heads(out)
	r, err := d.plans(ctx)
	if err != nil {
		return err
	}
	if res, err := d.host.Run(ctx, "getent", "group", "developers"); err != nil || res.Code != 2 {
		return errors.Join(wrong("the plan made the group developers: %s", res.Stdout), err)
	}
	if len(d.planned) != len(r.Changes) {
		return wrong("the text shows %d changes, the JSON %d", len(d.planned), len(r.Changes))
	}
	for _, c := range r.Changes {
		if c.Later != "" {
			d.later = append(d.later, c.Name)
		}
	}
	d.checked("%d changes, and none of them made: the host is as bare as it was.", len(r.Changes))
	return nil
}

// manage converges the host.
func (d *demo) manage(ctx context.Context) error {
	d.heading("Do it")
	d.say(`manage does what the plan said; docker has to be installed, so this is the part
that takes long.`)
	out, err := d.show(ctx, folding{Items: 2, Skip: []string{notHere}}, 0, "opsafe", "manage", "--backend", backend)
	if err != nil {
		return err
	}
	done := heads(out)
	// What was known only afterwards may have needed no change.
	planned := slices.DeleteFunc(slices.Clone(d.planned), func(head string) bool {
		_, name, _ := strings.Cut(head, " ")
		return slices.Contains(d.later, name) && !slices.Contains(done, head)
	})
	if !slices.Equal(done, planned) {
		return wrong("planned was %s; made was %s", listed(planned), listed(done))
	}
	if err := d.expect(ctx); err != nil {
		return err
	}
	d.checked(`These are the changes of the plan, and no others; %d that could be known only
  afterwards needed none. After each one opsafe has looked whether it took effect,
  and after the last one at everything again.`, len(d.planned)-len(done))
	d.say("Do not take its word for it: ask the host.")
	if _, err := d.show(ctx, folding{}, 0, "id", "-nG", "madwort"); err != nil {
		return err
	}
	if _, err := d.show(ctx, folding{}, 0, "getfacl", "--absolute-names", "--omit-header", privateDir); err != nil {
		return err
	}
	_, err = d.show(ctx, folding{}, 0, "docker", "network", "ls")
	return err
}

// heads lists the changes that a run shows: + NAME, or ↻ restart NAME.
func heads(out string) []string {
	var list []string
	for _, m := range regexp.MustCompile(`(?m)^  ([-+~] \S+|↻ \S+ \S+)`).FindAllStringSubmatch(out, -1) {
		list = append(list, m[1])
	}
	return list
}

// again shows that a second run does nothing.
func (d *demo) again(ctx context.Context) error {
	d.heading("Do it again")
	d.say(`What is as declared is not touched: a second run reads everything, writes
nothing, restarts nothing.`)
	out, err := d.show(ctx, folding{}, 0, "opsafe", "manage", "--backend", backend)
	if err != nil {
		return err
	}
	if !strings.Contains(out, "Nothing to do.") || len(heads(out)) > 0 {
		return wrong("the second run changed something")
	}
	if err := d.expect(ctx); err != nil {
		return err
	}
	d.checked("Nothing was changed. The last line says how long it took to look at everything.")
	return nil
}

// disturb breaks something by hand and has it repaired.
func (d *demo) disturb(ctx context.Context) error {
	d.heading("Somebody meddles with the host")
	d.say(`In the middle of the night somebody opens a private directory to the whole host,
makes a stranger a member of a group that may read it, and stops a timer.`)
	if err := d.showAll(
		ctx,
		[]string{"chmod", "o+rx", privateDir},
		[]string{"usermod", "-aG", "researchers", "games"},
		[]string{"systemctl", "stop", "opsafe-deploy.timer"},
	); err != nil {
		return err
	}
	d.say("The plan names these three, and nothing else. (No --backend: the host knows it.)")
	if _, err := d.show(ctx, folding{Skip: []string{notHere}}, 0, "opsafe", "plan"); err != nil {
		return err
	}
	if err := d.expect(ctx, "directory/"+privateDir, "group/researchers", "unit/opsafe-deploy.timer"); err != nil {
		return err
	}
	d.say("And manage puts them right, and nothing else.")
	out, err := d.show(ctx, folding{Skip: []string{notHere}}, 0, "opsafe", "manage")
	if err != nil {
		return err
	}
	if n := len(heads(out)); n != 3 {
		return wrong("manage made %d changes, not 3", n)
	}
	if err := d.expect(ctx); err != nil {
		return err
	}
	d.checked("The host is in its declared state again.")
	return nil
}

// disable takes a person's access away.
func (d *demo) disable(ctx context.Context) error {
	d.heading("Somebody leaves")
	d.say(`%s leaves, and must not get in any more. As long as the files still list
them the next run would let them in again, so opsafe refuses, and says where:`, leaver)
	disable := []string{"opsafe", "disable-user", leaver}
	out, err := d.show(ctx, folding{}, 1, disable...)
	if err != nil {
		return err
	}
	if !regexp.MustCompile(`developers\.yaml:\d+`).MatchString(out) || !strings.Contains(out, "keys/"+leaver) {
		return wrong("opsafe did not say where %s is listed", leaver)
	}
	d.say("Then out of the files first:")
	if err := d.showAll(
		ctx,
		[]string{"sed", "-i", "/^" + leaver + ":/d", repository + "/developers.yaml"},
		[]string{"rm", repository + "/keys/" + leaver},
	); err != nil {
		return err
	}
	if _, err := d.show(ctx, folding{}, 0, disable...); err != nil {
		return err
	}
	d.say("What is left is an account without a key, a password, a shell or a group:")
	if err := d.powerless(ctx); err != nil {
		return err
	}
	d.say("And the next run does not bring them back:")
	if _, err := d.show(ctx, folding{Skip: []string{notHere}}, 0, "opsafe", "manage"); err != nil {
		return err
	}
	if err := d.expect(ctx); err != nil {
		return err
	}
	return d.stillOut(ctx)
}

// powerless shows and checks what is left of the account.
func (d *demo) powerless(ctx context.Context) error {
	groups, err := d.show(ctx, folding{}, 0, "id", "-Gn", leaver)
	if err != nil {
		return err
	}
	entry, err := d.show(ctx, folding{}, 0, "getent", "passwd", leaver)
	if err != nil {
		return err
	}
	if strings.TrimSpace(groups) != leaver || !strings.HasSuffix(strings.TrimSpace(entry), ":/usr/sbin/nologin") {
		return wrong("%s still has the groups %s and the account %s", leaver, groups, entry)
	}
	res, err := d.host.Run(ctx, "cat", "/home/"+leaver+"/.ssh/authorized_keys")
	if err != nil {
		return err
	}
	if strings.TrimSpace(res.Stdout) != "" {
		return wrong("%s still has a key", leaver)
	}
	return nil
}

// stillOut checks once more, after a manage.
func (d *demo) stillOut(ctx context.Context) error {
	res, err := d.host.Run(ctx, "getent", "shadow", leaver)
	if err != nil {
		return err
	}
	// NAME:PASSWORD:LAST:MIN:MAX:WARN:INACTIVE:EXPIRES: of shadow(5).
	f := strings.Split(strings.TrimSpace(res.Stdout), ":")
	if len(f) < 9 || !strings.HasPrefix(f[1], "!") && f[1] != "*" || slices.Contains([]string{"", "-1"}, f[7]) {
		return wrong("%s can still log in", leaver)
	}
	d.checked("%s is out: no key, no password, no group, and the account has expired.", leaver)
	return nil
}

// left adds to an error what becomes of the host.
func (d *demo) left(err error) error {
	if d.host == nil {
		return err
	}
	return fmt.Errorf("%w\nthe host is left as it is: bin/throwaway enter %s, bin/throwaway delete %s", err, hostName, hostName)
}

// goodbye says how to go on.
func (d *demo) goodbye() {
	d.heading("Now you")
	d.say(`The host is still there. Look around on it, break something, ask opsafe:

  %s     a root shell on it
    opsafe plan               what would be done
    opsafe manage             do it
    opsafe --help             what else there is
  %s    throw it away`,
		d.paint(bold, "bin/throwaway enter "+hostName), d.paint(bold, "bin/throwaway delete "+hostName))
}
