package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"opsafe/internal/converge"
	"opsafe/internal/history"
	"opsafe/internal/render"
)

// canAsk refuses --ask where nobody can answer, or could see what is asked.
func (a *App) canAsk(o manageOptions) error {
	switch {
	case !o.ask:
		return nil
	case o.format != formatText:
		return fmt.Errorf("--ask shows the plan as text: leave out --format %s", o.format)
	case a.In == nil:
		return errors.New("--ask needs a terminal to ask on: leave it out, or keep the plan with opsafe plan --out and carry it out with manage --plan")
	}
	return nil
}

// agree shows the plan and asks whether to carry it out. An error means no.
func (a *App) agree(ctx context.Context, plan *converge.Report, style render.Style) error {
	shown := render.NewText(a.Out, style)
	for _, r := range plan.Results {
		shown.Result(r)
	}
	shown.Close(plan, render.Plan)
	a.runner().NoteLost(history.Foresee(ctx, a.Host, plan.Results))
	answer, err := a.ask(ctx, "Carry it out? yes or no", "no")
	if err != nil {
		return err
	}
	if !slices.Contains([]string{"yes", "y"}, strings.ToLower(answer)) {
		return errors.New("the answer was not yes")
	}
	return nil
}
