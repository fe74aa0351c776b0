package doctor

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"
)

// store looks at where the tickets are.
func (e *exam) store(ctx context.Context) []Finding {
	const check = "store"
	s := e.Store
	switch {
	case s.Redis:
		return e.redis(ctx)
	case !s.Founded:
		return []Finding{note(check, s.Name, "is not there yet; guichet serve makes it")}
	}
	if err := s.Open(ctx); err != nil {
		return []Finding{problem(check, s.Name, "cannot be opened: %s", err).so("mail is answered 451 and comes again; look at the daemon's log")}
	}
	return []Finding{ok(check, s.Name, "opens and can be read")}
}

// redis looks at each Redis that takes writes.
func (e *exam) redis(ctx context.Context) []Finding {
	const check = "redis"
	servers, err := e.servers(ctx)
	if err != nil {
		return []Finding{problem(check, e.Store.Name, "cannot be used: %s", reason(err)).so("mail is answered 451 and comes again; start Redis, or mend the setting redis")}
	}
	var all []Finding
	for _, s := range servers {
		all = append(all, e.redisServer(s)...)
	}
	return all
}

// askServers asks every Redis how it is when it is first called, and remembers.
func (e *exam) askServers() func(context.Context) ([]Server, error) {
	var once sync.Once
	var servers []Server
	var err error
	return func(ctx context.Context) ([]Server, error) {
		once.Do(func() {
			ctx, cancel := context.WithTimeout(ctx, 2*lookupTime)
			defer cancel()
			servers, err = e.Store.Servers(ctx)
		})
		return servers, err
	}
}

// setting is what one of Redis's settings should be, and what it costs if not.
type setting struct {
	name, is, want string
	fine           bool
	fault          func(check, subject, format string, args ...any) Finding
	cost           string
}

func (e *exam) redisServer(s Server) []Finding {
	const check = "redis"
	var all []Finding
	major, _, _ := strings.Cut(s.Version, ".")
	number, err := strconv.Atoi(major)
	switch {
	case s.Version == "":
		all = append(all, note(check, s.Name, "does not say its version; 7.0 or newer is needed"))
	case err == nil && number < 7:
		all = append(all, problem(check, s.Name, "is version %s; 7.0 or newer is needed", s.Version).so("install a newer Redis, or Valkey"))
	default:
		all = append(all, ok(check, s.Name, "is version %s, with %s", s.Version, replicas(s.Replicas)))
	}
	waits := s.Replicas > 0 && !e.Store.Local
	settings := []setting{
		{"appendonly", s.AppendOnly, "yes", s.AppendOnly == "yes", problem, "a crash loses all mail since the last snapshot"},
		{"appendfsync", s.AppendFsync, "always", s.AppendFsync == "always" || s.AppendFsync == "everysec" && waits, warning, "a crash of the machine loses mail that was answered 250"},
		{"maxmemory-policy", s.MaxMemoryPolicy, "noeviction", s.MaxMemoryPolicy == "noeviction", problem, "Redis throws tickets away when its memory is full"},
	}
	for _, each := range settings {
		switch {
		case each.is == "":
			all = append(all, note(check, s.Name, "does not say its %s", each.name).so("see that its settings have:").publish(each.name+" "+each.want))
		case each.fine:
			all = append(all, ok(check, s.Name, "%s is %s", each.name, each.is))
		default:
			all = append(all, each.fault(check, s.Name, "%s is %s: %s", each.name, each.is, each.cost).so("set in redis.conf:").publish(each.name+" "+each.want))
		}
	}
	if s.Replicas > 0 && e.Store.Local {
		all = append(all, warning(check, s.Name, "durability is local: when a replica takes over, mail that was answered 250 and not yet copied to it is lost").so("set durability: all"))
	}
	return all
}

func replicas(n int) string {
	switch n {
	case 0:
		return "no replica"
	case 1:
		return "1 replica"
	}
	return strconv.Itoa(n) + " replicas"
}

// How far a clock may be off before mail programs sort by it wrongly, and
// before signatures and certificates fail.
const (
	drift   = 2 * time.Second
	offTime = time.Minute
)

// clock compares that of this machine with the one beside it, if there is one.
func (e *exam) clock(ctx context.Context) []Finding {
	var all []Finding
	if e.Store.Redis {
		servers, _ := e.servers(ctx) // redis tells of the error
		for _, s := range servers {
			all = append(all, clockBy(s))
		}
	}
	if len(all) == 0 {
		all = append(all, e.clockByFiles())
	}
	return all
}

// clockBy compares our clock with that of Redis, by which leases run.
func clockBy(s Server) Finding {
	const check, remedy = "clock", "let both keep time by NTP: timedatectl set-ntp true"
	if s.Clock.IsZero() {
		return note(check, s.Name, "does not tell its time, so our clock was not compared")
	}
	switch off := s.Clock.Sub(s.Asked).Abs(); {
	case off > offTime:
		return problem(check, s.Name, "its clock and ours are %s apart", off.Round(time.Second)).so(remedy)
	case off > drift:
		return warning(check, s.Name, "its clock and ours are %s apart", off.Round(time.Second)).so(remedy)
	}
	return ok(check, s.Name, "its clock and ours agree")
}
