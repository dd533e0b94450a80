package report

import (
	"slices"
	"strings"

	"opsafe/internal/render"
)

// runOf is what is to be said of a host: by its status, or its plan, or both.
func (b *builder) runOf(h *Host, plan, status *Document) *render.Document {
	switch {
	case status == nil:
		return plan.Plan
	case plan == nil:
		return &status.Status.Plan
	}
	if resources(plan.Plan) != resources(&status.Status.Plan) {
		h.Why = append(h.Why, "its plan says something else than its status: they were made at different times, or of different specs; both are shown")
	}
	b.unjudged(h.Name, plan.Plan)
	return both(&status.Status.Plan, plan.Plan)
}

// both is a status' run with what a plan says besides, by which nothing becomes less.
func both(status, plan *render.Document) *render.Document {
	out := *status
	for _, list := range []struct {
		to   *[]render.Item
		from []render.Item
	}{{&out.Changes, plan.Changes}, {&out.Failed, plan.Failed}, {&out.Unknown, plan.Unknown}, {&out.Notes, plan.Notes}} {
		*list.to = slices.Clone(*list.to)
		for _, i := range list.from {
			if !slices.ContainsFunc(*list.to, func(has render.Item) bool { return said(has) == said(i) }) {
				*list.to = append(*list.to, i)
			}
		}
	}
	s, p := &out.Summary, plan.Summary
	s.Failed, s.Unknown = max(s.Failed, p.Failed), max(s.Unknown, p.Unknown)
	if changes(p) > changes(*s) {
		s.Add, s.Change, s.Remove, s.Run = p.Add, p.Change, p.Remove, p.Run
	}
	out.Refused = plan.Refused
	out.HostNotes = slices.Concat(out.HostNotes, plan.HostNotes)
	if plan.Access != nil {
		out.Access = plan.Access
	}
	return &out
}

func changes(s render.SummaryDoc) int { return s.Add + s.Change + s.Remove + s.Run }

// said is what is said of a resource: which, and what would become of it.
func said(i render.Item) string {
	return key(render.Item{Kind: i.Kind, Name: i.Name, Status: i.Status, Action: i.Action, Attrs: i.Attrs, Diff: i.Diff})
}

// resources are what a run says of what is not as declared.
func resources(run *render.Document) string {
	var out []string
	for _, i := range slices.Concat(run.Failed, run.Unknown, run.Changes) {
		out = append(out, said(i))
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}
