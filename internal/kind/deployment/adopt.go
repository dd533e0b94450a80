package deployment

import (
	"context"
	"fmt"
	"slices"

	"opsafe/internal/kind"
	"opsafe/internal/notes"
)

// adopt describes the deployments that an earlier run has written down.
func adopt(_ context.Context, t kind.Taker, name string) error {
	names, err := Names(t)
	if err != nil {
		return err
	}
	if name != "" && !slices.Contains(names, name) {
		return fmt.Errorf("there is no deployment of that name in %s", notes.Deployments)
	}
	for _, found := range names {
		if name != "" && name != found {
			continue
		}
		c, err := Read(t, found)
		if err != nil || c == nil {
			return err
		}
		if err := t.Take("from "+File(found), c.item(), "deployments", found); err != nil {
			return err
		}
		t.Notef("deployment %s: who may have it deployed is not written down there: say it under triggers", found)
	}
	return nil
}

// item is the deployment in the words of a spec, without what counts anyway.
func (c Config) item() map[string]any {
	item := map[string]any{}
	put := func(field string, said bool, value any) {
		if said {
			item[field] = value
		}
	}
	put("git", c.Git != "", c.Git)
	put("spec", c.Spec != "", c.Spec)
	put("compose", len(c.Compose) > 0, c.Compose)
	put("ssh", c.To != "", map[string]string{"to": c.To, "deployment": c.There})
	put("ref", c.Ref != "" && c.Ref != defaultRef, c.Ref)
	put("directory", c.Directory != "", c.Directory)
	put("user", c.User != "" && c.User != kind.Root, c.User)
	put("env_files", len(c.EnvFiles) > 0, c.EnvFiles)
	put("shared", len(c.Shared) > 0, c.Shared)
	put("check", len(c.Check) > 0, c.Check)
	put("check_as", c.CheckAs != c.User && c.CheckAs != "", c.CheckAs)
	put("restart", len(c.Restart) > 0, c.Restart)
	put("reload", len(c.Reload) > 0, c.Reload)
	put("within", c.Within.Duration != defaultWithin, c.Within.String())
	put("keep", c.Keep != 0 && c.Keep != defaultKeep, c.Keep)
	put("rewind", c.Rewind, true)
	put("signers", c.Signers != "", c.Signers)
	put("confirm", c.Confirm.Duration > 0, c.Confirm.String())
	put("every", c.Every.Duration > 0, c.Every.String())
	var steps []map[string]any
	for _, s := range c.Steps {
		step := map[string]any{"run": s.Run}
		if len(s.EnvFiles) > 0 {
			step["env_files"] = s.EnvFiles
		}
		if s.Within.Duration > 0 {
			step["within"] = s.Within.String()
		}
		steps = append(steps, step)
	}
	put("steps", len(steps) > 0, steps)
	health := map[string]any{}
	for field, value := range map[string]string{"unit": c.Health.Unit, "http": c.Health.HTTP} {
		if value != "" {
			health[field] = value
		}
	}
	if len(c.Health.Run) > 0 {
		health["run"] = c.Health.Run
	}
	if c.Health.Status != 0 {
		health["status"] = c.Health.Status
	}
	if holds := c.Health.Holds.Duration; holds > 0 && holds != usuallyHolds(c.Health.Within.Duration) {
		health["holds"] = c.Health.Holds.String()
	}
	if c.Health.Within.Duration != defaultHealthWithin {
		health["within"] = c.Health.Within.String()
	}
	put("health", len(health) > 0, health)
	if s := c.Status; s != nil {
		status := map[string]string{"repository": s.Repository, "token": s.Token}
		if s.API != defaultStatusAPI {
			status["api"] = s.API
		}
		item["status"] = status
	}
	return item
}

// adoptReceiver says what there is to declare: the secrets of its hooks are elsewhere.
func adoptReceiver(_ context.Context, t kind.Taker, name string) error {
	if name != "" {
		return fmt.Errorf("a host has one receiver at most: say receiver")
	}
	data, err := t.ReadFile(notes.Receiver)
	if err != nil || data == nil {
		return err
	}
	n, err := ParseNote(data)
	if err != nil {
		return err
	}
	for _, h := range n.Hooks {
		t.Notef("receiver: it takes what has deployment %s deployed: declare receiver, and the triggers of the deployment", h.Deployment)
	}
	return nil
}
