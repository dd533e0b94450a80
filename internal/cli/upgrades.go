package cli

import (
	"context"
	"fmt"
	"strings"

	"opsafe/internal/host"
)

// upgrader is a host that knows what apt would upgrade.
type upgrader interface {
	Upgrades(ctx context.Context) (host.Upgrades, error)
	RememberUpgrades(u host.Upgrades) error
}

// upgrades says what apt would upgrade; empty for nothing, or where it cannot be
// told. Only root is told: to others the answer is not remembered, and it costs more
// than the plan. It is remembered by commands that write.
func (a *App) upgrades(ctx context.Context, remember bool) string {
	u, ok := a.Host.(upgrader)
	if !ok || !a.Root {
		return ""
	}
	found, err := u.Upgrades(ctx)
	if err != nil {
		return ""
	}
	if remember {
		if err := u.RememberUpgrades(found); err != nil {
			note(a.Err, "%v", err)
		}
	}
	return upgradesText(found)
}

func upgradesText(u host.Upgrades) string {
	n := len(u.Pending)
	if n == 0 {
		return ""
	}
	text := "1 package can be upgraded"
	if n > 1 {
		text = fmt.Sprintf("%d packages can be upgraded", n)
	}
	var of []string
	if n := len(u.Security); n > 0 {
		of = append(of, fmt.Sprintf("%d for security", n))
	}
	if len(u.Held) > 0 {
		of = append(of, "held: "+strings.Join(u.Held, ", "))
	}
	if len(of) > 0 {
		text += " (" + strings.Join(of, "; ") + ")"
	}
	return text + ": apt list --upgradable names them"
}
