package compose

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"opsafe/internal/compose"
	"opsafe/internal/spec"
)

// checkRegistered compares a project with the registry of applications: as whom its
// services run, and which ports of the host they take.
func checkRegistered(b *spec.Backend, name string, p *Project, project *compose.Project, problems *spec.Problems) {
	label, own := "compose project "+name, b.Applications[name]
	publishes, has := false, false
	for _, s := range project.Services {
		if own != nil {
			checkServiceUser(label, p, s, own, problems)
		}
		for _, ports := range s.Published {
			publishes = true
			for _, other := range slices.Sorted(maps.Keys(b.Applications)) {
				a := b.Applications[other]
				switch {
				case !published(ports, a.Port):
				case a == own:
					has = true
				default:
					problems.Addf(p.At("files"), "%s: service %s takes port %d, which is application %s's, too, at %s", label, s.Name, a.Port, other, a.Pos)
				}
			}
		}
	}
	if own != nil && publishes && !has {
		problems.Addf(p.At("files"), "%s: takes ports, and not %d, which is that of application %s at %s: publish it as ${APPLICATION_PORT}", label, own.Port, name, own.Pos)
	}
}

// checkServiceUser finds a number of applications that is not this one's.
func checkServiceUser(label string, p *Project, s compose.Service, own *spec.Application, problems *spec.Problems) {
	for part := range strings.SplitSeq(s.User, ":") {
		if id, err := strconv.Atoi(part); err == nil && id > spec.LastOrdinaryID && id != own.ID {
			problems.Addf(p.At("files"), "%s: service %s runs as %s, and the application at %s has %d: say ${APPLICATION_ID}", label, s.Name, s.User, own.Pos, own.ID)
			return
		}
	}
}

// published reports whether a port is among those of a number or a range.
func published(ports string, port int) bool {
	first, last, ranges := strings.Cut(ports, "-")
	lo, err := strconv.Atoi(first)
	hi := lo
	if err == nil && ranges {
		hi, err = strconv.Atoi(last)
	}
	return err == nil && lo <= port && port <= hi
}
