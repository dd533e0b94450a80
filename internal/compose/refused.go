package compose

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/distribution/reference"
)

// Forms that docker holds values to when it makes a container.
var (
	restartPolicy = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(no|always|unless-stopped|on-failure(:[0-9]+)?)$`)
	})
	realTime    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(RTMIN|RTMAX)[+-][0-9]+$`) })
	exposedPort = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9]+(-[0-9]+)?(/(tcp|udp|sctp))?$`) })
)

// refusedByDocker are values that the format allows, and that docker refuses when it makes
// the containers: compose has stopped the ones before them by then.
//
// It also returns the ports of the host that the services publish.
func refusedByDocker(files []File, loaded *types.Project) ([]Listener, []error) {
	var out []error
	var listeners []Listener
	for _, name := range slices.Sorted(maps.Keys(loaded.Services)) {
		service := loaded.Services[name]
		refuse := func(field, format string, args ...any) {
			p := find(files, "services."+name+"."+field)
			p.Text = "services." + name + "." + field + ": " + fmt.Sprintf(format, args...)
			out = append(out, p)
		}
		refusedWords(service, refuse)
		refusedPaths(service, refuse)
		for i, ip := range service.DNS {
			if _, err := netip.ParseAddr(ip); err != nil {
				refuse("dns."+strconv.Itoa(i), "want an IP address, got %q", ip)
			}
		}
		for _, port := range service.Ports {
			l, ok := published(port, name)
			if !ok {
				continue
			}
			if i := slices.IndexFunc(listeners, l.Meets); i >= 0 {
				refuse("ports", "service %s publishes port %s of the host already", listeners[i].Service, port.Published)
			}
			listeners = append(listeners, l)
		}
	}
	return listeners, out
}

// refusedWords judges values that are one word.
func refusedWords(s types.ServiceConfig, refuse func(field, format string, args ...any)) {
	if s.Image != "" {
		if _, err := reference.ParseAnyReference(s.Image); err != nil {
			refuse("image", "want the name of an image, as NAME:TAG or NAME@sha256:DIGEST, got %q", s.Image)
		}
	}
	if s.Restart != "" && !restartPolicy().MatchString(s.Restart) {
		refuse("restart", "want no, always, unless-stopped, on-failure or on-failure:TIMES, got %q", s.Restart)
	}
	for i, port := range s.Expose {
		if !exposedPort().MatchString(port) {
			refuse("expose."+strconv.Itoa(i), "want a port, as 80 or 53/udp, got %q", port)
		}
	}
	if s.StopSignal != "" && !signal(s.StopSignal) {
		refuse("stop_signal", "want a signal such as SIGTERM, got %q", s.StopSignal)
	}
	if s.MacAddress != "" {
		if _, err := net.ParseMAC(s.MacAddress); err != nil {
			refuse("mac_address", "want an address such as 02:42:ac:11:00:02, got %q", s.MacAddress)
		}
	}
	if strings.ContainsAny(s.User, " \t") {
		refuse("user", "want a user, or USER:GROUP, got %q", s.User)
	}
}

// refusedPaths judges paths within the container: docker takes none that is relative.
func refusedPaths(s types.ServiceConfig, refuse func(field, format string, args ...any)) {
	inside := func(field, at string) {
		if at != "" && !path.IsAbs(at) {
			refuse(field, "want an absolute path within the container, got %q", at)
		}
	}
	inside("working_dir", s.WorkingDir)
	for i, v := range s.Volumes {
		inside("volumes."+strconv.Itoa(i), v.Target)
	}
	for i, t := range s.Tmpfs {
		at, _, _ := strings.Cut(t, ":")
		inside("tmpfs."+strconv.Itoa(i), at)
	}
}

// signals are those of signal(7), without SIG; of the real-time ones, RTMIN and RTMAX.
const signals = " ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX "

// signal reports whether docker knows a signal, by name or number.
func signal(s string) bool {
	if n, err := strconv.Atoi(s); err == nil {
		return n > 0 && n <= 64
	}
	name := strings.TrimPrefix(strings.ToUpper(s), "SIG")
	name = realTime().ReplaceAllString(name, "$1")
	return name != "" && strings.Contains(signals, " "+name+" ")
}

// Listener is a port of the host that a service publishes.
type Listener struct {
	Service, Port, Protocol string
	On                      netip.Addr // the zero value: each of the host's addresses
}

// published is what a service publishes; false: nothing, or on a port that docker chooses.
func published(p types.ServicePortConfig, service string) (Listener, bool) {
	l := Listener{Service: service, Port: p.Published, Protocol: p.Protocol}
	l.On, _ = netip.ParseAddr(p.HostIP)
	return l, p.Published != "" && p.Published != "0" && !strings.Contains(p.Published, "-")
}

// Meets reports whether two listeners want the same port of the same address.
func (l Listener) Meets(other Listener) bool {
	if l.Port != other.Port || l.Protocol != other.Protocol {
		return false
	}
	if !l.On.IsValid() || !other.On.IsValid() || l.On == other.On {
		return true
	}
	return l.On.Is4() == other.On.Is4() && (l.On.IsUnspecified() || other.On.IsUnspecified())
}
