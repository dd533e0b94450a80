package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"opsafe/internal/host"
	"opsafe/internal/kind"
)

// hold writes down what was put back of compose projects, so that a run does not make it
// again.
func (w *Worker) hold(ctx context.Context, back host.PutBack) error {
	all := map[string]*kind.HeldBack{}
	of := func(project string) *kind.HeldBack {
		if all[project] == nil {
			all[project] = &kind.HeldBack{Deployment: w.Config.Name, Since: w.Now(), Services: map[string]kind.HeldService{}}
		}
		return all[project]
	}
	for _, one := range back.Instead {
		held := kind.HeldService{Image: one.ImageID, Labels: one.Labels, New: one.New}
		if image, err := w.Machine.Image(ctx, one.ImageID); err == nil && image != nil {
			held.Digests = image.Digests
		}
		of(one.Of.Project).Services[one.Of.Service] = held
	}
	for _, ref := range back.Removed {
		held := of(ref.Project)
		held.Removed = append(held.Removed, ref.Service)
	}
	for project, held := range all {
		data, err := json.MarshalIndent(held, "", "  ")
		if err != nil {
			return fmt.Errorf("cannot write %s: %w", kind.HeldBackFile(project), err)
		}
		if err := w.Machine.Save(ctx, kind.HeldBackFile(project), append(data, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// unhold forgets what was put back.
func (w *Worker) unhold() error {
	var failed []error
	for _, project := range w.Config.Compose {
		failed = append(failed, w.Machine.RemoveFile(kind.HeldBackFile(project)))
	}
	return errors.Join(failed...)
}

// holds reports whether anything that was put back is remembered.
func (w *Worker) holds() bool {
	for _, project := range w.Config.Compose {
		if n, err := w.Machine.Stat(kind.HeldBackFile(project)); err == nil && n != nil {
			return true
		}
	}
	return false
}
