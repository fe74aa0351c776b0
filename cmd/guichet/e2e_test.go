package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/foxcpp/go-mockdns"
	"github.com/rogpeppe/go-internal/testscript"

	"guichet/internal/testkit"
	"guichet/parser"
)

// TestMail plays whole conversations: each file of testdata/mail holds settings,
// mails and what must come of them, and is played on every engine through the
// same run as the program. Its commands, beside testscript's:
//
//	serve                  starts the daemon with guichet.yaml; $SMTP is its address,
//	                       $METRICS that of its metrics
//	calendar DAY HOUR      has the daemon live from then on; before serve
//	dns NAME TEXT          publishes a TXT record; before serve
//	signingkey FILE        writes the key that the daemon is to sign with
//	signs DOMAIN…          publishes the key that send -signed signs with; before serve
//	from ADDRESS           is the host that sends from now on, by a PROXY header
//	takes SIZE             the relay takes mails of so many bytes at most from now on
//	homes DOMAIN [HOW…]    the relay passes mail for a domain on to the daemon, and
//	                       does to it what it is told: message-id, plus, from,
//	                       envelope, banner, bounce
//	refuses WHO…           the relay knows them no more
//	stop                   ends it as SIGTERM does; it must end well
//	hangup PATTERN         sends SIGHUP and waits for a line of the log
//	send FILE [FROM [TO…]] sends a mail; $ANY variables in it are put in. By
//	                       default its envelope is its From, To and Cc. With
//	                       -signed its From domain signs it, with -signed=DOMAIN
//	                       that one
//	reply WHO FILE         answers the last mail that WHO got, quoting it below. It
//	                       takes -signed too
//	flood N FILE           sends N of a mail, whose $N is the number of each. $FLOOD
//	                       is how many the command line wants
//	dialog FILE            plays an SMTP session: C: lines are sent, c: lines as
//	                       they are, with \r, \n and the like as in Go, S: lines
//	                       are patterns of what must come, L: lines are sent
//	                       whether anybody listens or not. X: stop is a SIGTERM,
//	                       X: stall lets all connections wait until their time is
//	                       over, and X: cut hangs up
//	mail WHO [PATTERN]     waits for WHO's next mail, or the next that has the pattern
//	                       in subject or text, and writes it to the file mail:
//	                       its fields, a blank line, its text. $REPLY, $TOKEN, $MSGID,
//	                       $CODE, $VALIDATION, $NOTE and $SENDER stand in it.
//	                       The files fields and text are its two halves.
//	                       $VALIDATION is the newest that came to anybody
//	flip ADDRESS N         makes $FLIPPED of an address: one bit of the Nth
//	                       character of its token is another
//	let NAME PATTERN       keeps in $NAME what the pattern's group finds in the mail
//	nomail WHO…            nothing more is owed to them
//	mails WHO N            nothing more is owed, and N mails of WHO's are unread
//	tool ARGS…             runs a command of the program beside the daemon; its
//	                       output is in the file out
//	fetch PATH             gets a page of the metrics' server into the file out
//	                       ($FILLER in a mail is 20,000 bytes of a file)
//	raw                    writes the whole of the last mail to the file raw
//	likeness FILE          writes the whole of the last mail to a file, with what is
//	                       drawn or told by the clock made the same in all mails
//	day FILE GOLDEN        plays a day of several people, and compares all mails that
//	                       leave with a file of testdata/day
//	directory STATUS       a page of accounts at $ACCOUNTS that answers so to
//	                       whoever asks
//	html                   writes its HTML to the file html
//	attachment [ENDING]    writes its first attachment, of a name that ends so, to the file attachment
//	gone REF               waits until a ticket is there no more
//	bomb KIND SIZE         sends a mail that is hard to read (see bombs)
//
// Once a script is over, its log is looked into for what may stand in no log.
func TestMail(t *testing.T) {
	all, err := filepath.Glob("testdata/mail/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	t.Run("embedded", func(t *testing.T) {
		playMail(shim{T: t}, all, func(*testscript.Env) (string, error) { return "", nil })
	})
	t.Run("redis", func(t *testing.T) { playMail(shim{T: t}, all, ownDatabase(testkit.Alone)) })

	// The store's own suite holds these to the same; so some conversations are
	// enough here, unless all are asked for.
	some := all
	if !*everywhere {
		some = []string{"testdata/mail/conversation.txt", "testdata/mail/codes-history.txt", "testdata/mail/sites.txt", "testdata/mail/stopping.txt"}
	}
	t.Run("sentinel", func(t *testing.T) { playMail(shim{T: t}, some, ownDatabase(testkit.Watched)) })
	t.Run("cluster", func(t *testing.T) {
		testkit.Clustered.For(t) // which skips here, and not within a script, where there is none
		// A Cluster has one database: scripts take turns.
		playMail(shim{T: t, inTurn: true}, some, func(*testscript.Env) (string, error) { return testkit.Clustered.For(t).URL(), nil })
	})
}

// everywhere plays every script on every kind of Redis, which takes a minute
// more.
var everywhere = flag.Bool("everywhere", false, "play all scripts of TestMail on Cluster and Sentinel too")

func playMail(t testscript.T, files []string, engine func(*testscript.Env) (url string, err error)) {
	testscript.RunT(t, testscript.Params{
		Files: files,
		Cmds:  worldCommands,
		Setup: func(env *testscript.Env) error {
			url, err := engine(env)
			if errors.Is(err, testkit.ErrNoRedis) && !testkit.RedisRequired() {
				env.T().Skip(err)
			}
			if err != nil {
				return err
			}
			return newWorld(env, url)
		},
	})
}

// shim is what testscript asks of a test. Scripts run side by side, or in turn.
type shim struct {
	*testing.T
	inTurn bool
}

func (s shim) Verbose() bool { return testing.Verbose() }

func (s shim) Parallel() {
	if !s.inTurn {
		s.T.Parallel()
	}
}

func (s shim) Run(name string, do func(testscript.T)) {
	s.T.Run(name, func(t *testing.T) { do(shim{t, s.inTurn}) })
}

// ownDatabase gives each script a database of a Redis that all share. Where there
// is none on the machine, an imitation has to do for the one that stands alone.
func ownDatabase(shared testkit.Shared) func(*testscript.Env) (string, error) {
	var used atomic.Int64
	return func(env *testscript.Env) (string, error) {
		server, err := shared.Start()
		if errors.Is(err, testkit.ErrNoRedis) && !testkit.RedisRequired() && shared.Name == testkit.Alone.Name {
			imitation, err := miniredis.Run()
			if err != nil {
				return "", err
			}
			env.Defer(imitation.Close)
			return "redis://" + imitation.Addr(), nil
		}
		if err != nil {
			return "", err
		}
		return testkit.Database(server, int(used.Add(1))), nil
	}
}

var worldCommands = map[string]func(*testscript.TestScript, bool, []string){
	"calendar": worldCommand((*world).calendar),

	"dns":    worldCommand((*world).dns),
	"from":   worldCommand((*world).from),
	"serve":  worldCommand((*world).serve),
	"takes":  worldCommand((*world).takes),
	"halt":   worldCommand((*world).stop), // "stop" is testscript's own: it ends the script
	"hangup": worldCommand((*world).reload),
	"send":   worldCommand((*world).send),
	"reply":  worldCommand((*world).reply),
	"dialog": worldCommand((*world).dialog),
	"mail":   worldCommand((*world).mail),
	"let":    worldCommand((*world).let),
	"nomail": worldCommand((*world).nomail),
	"mails":  worldCommand((*world).mails),
	"flood":  worldCommand((*world).flood),
	"html":   worldCommand((*world).html),
	"signs":  worldCommand((*world).signs),
	"bomb":   worldCommand((*world).bomb),
	"gone":   worldCommand((*world).gone),

	"attachment": worldCommand((*world).attachment),
	"flip":       worldCommand((*world).flip),
	"tool":       worldCommand((*world).tool),
	"fetch":      worldCommand((*world).fetch),
	"raw":        worldCommand((*world).raw),

	"day":       worldCommand((*world).day),
	"likeness":  worldCommand((*world).likeness),
	"directory": worldCommand((*world).directory),
	"refuses":   worldCommand((*world).refuses),
	"homes":     worldCommand((*world).homes),

	"signingkey": worldCommand((*world).signingKey),
}

func worldCommand(do func(*world, *testscript.TestScript, []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		err := do(ts.Value(worldKey{}).(*world), ts, args)
		switch {
		case neg && err == nil:
			ts.Fatalf("it went well, and should not have")
		case !neg && err != nil:
			ts.Fatalf("%v", err)
		}
	}
}

type worldKey struct{}

// filler is 20,000 bytes of a file, in base64; $FILLER in mails.
var filler = strings.TrimRight(strings.Repeat(strings.Repeat("R3VpY2hldA", 7)+"AA\n", 370), "\n")

// patience bounds every wait for something that must come: it ends a test that
// hangs, and is no measure of how long anything may take.
const patience = 2 * time.Minute

// world is the people and hosts around one daemon.
type world struct {
	post    *postOffice
	last    map[string]*received
	newest  *received
	stopRun context.CancelFunc
	ended   chan int
	hangup  chan os.Signal
	log     *logLines
	clock   time.Time // when people write
	daemons jumping   // the clock of the daemon, and of its Redis where it is not the true one
	zones   map[string]mockdns.Zone
	doors   *doors
	client  string // the address that mails come from; "" is the true one
	canary  canary
	paged   int // mails whose HTML was written
}

func newWorld(env *testscript.Env, redis string) error {
	post, err := newPostOffice(context.Background())
	if err != nil {
		return err
	}
	w := &world{post: post, last: map[string]*received{}, zones: map[string]mockdns.Zone{}, doors: &doors{}, clock: time.Date(2026, 3, 16, 9, 12, 0, 0, time.UTC)}
	env.Values[worldKey{}] = w
	if err := withoutDigests(env.WorkDir); err != nil {
		return err
	}
	env.Setenv("RELAY", post.address)
	env.Setenv("REDIS", redis)
	env.Setenv("NOW", time.Now().UTC().Format("15:04"))
	env.Setenv("FILLER", filler)
	env.Setenv("FLOOD", strconv.Itoa(*floodSize))
	env.Defer(func() {
		_ = w.stop(nil, nil)
		post.close()
		if err := w.looked(filepath.Join(env.WorkDir, "log")); err != nil {
			env.T().Fatal(err)
		}
	})
	return nil
}

// withoutDigests takes the mail of the morning out of settings that say nothing of
// it: a script gets the same mails at whatever hour it runs.
func withoutDigests(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	for _, file := range files {
		settings, readErr := os.ReadFile(file)
		if err = errors.Join(err, readErr); err == nil && !bytes.Contains(settings, []byte("digest:")) {
			err = os.WriteFile(file, sitePrefix.ReplaceAll(settings, []byte("$0\n${1}digest: \"\"")), 0o600)
		}
	}
	return err
}

var sitePrefix = regexp.MustCompile(`(?m)^( +)prefix: \w+$`)

func (w *world) environment(ts *testscript.TestScript, out, log io.Writer) environment {
	env := environment{
		Stdin: strings.NewReader(""), Stdout: out, Stderr: log, Now: w.daemons.now, Dir: ts.MkAbs("."), Hangup: w.hangup,
		Resolver: &mockdns.Resolver{Zones: w.zones}, Listen: w.doors.listen,
		Getenv: func(name string) (string, bool) { return ts.Getenv(name), true },
	}
	if w.daemons.off() {
		env.RedisNow = env.Now
	}
	return env
}

func (w *world) calendar(_ *testscript.TestScript, args []string) error {
	at, err := time.Parse("2006-01-02 15:04", strings.Join(args, " "))
	w.daemons.set(time.Until(at))
	return err
}

func (w *world) dns(_ *testscript.TestScript, args []string) error {
	zone := w.zones[args[0]+"."]
	zone.TXT = append(zone.TXT, args[1])
	w.zones[args[0]+"."] = zone
	return nil
}

func (w *world) from(_ *testscript.TestScript, args []string) error {
	w.client = args[0]
	return nil
}

func (w *world) takes(_ *testscript.TestScript, args []string) error {
	size, err := strconv.ParseInt(args[0], 10, 64)
	w.post.door.Update(officeSettings(size))
	return err
}

func (w *world) refuses(_ *testscript.TestScript, args []string) error {
	w.post.mu.Lock()
	defer w.post.mu.Unlock()
	for _, who := range args {
		w.post.gone[who] = true
	}
	return nil
}

// submit hands a mail to the daemon, from the host that the script says.
func (w *world) submit(ts *testscript.TestScript, signer, from string, to []string, raw []byte) error {
	w.canary.mail(raw)
	raw, err := signed(signer, raw)
	if err != nil {
		return err
	}
	conn, err := net.Dial("tcp", ts.Getenv("SMTP"))
	if err != nil {
		return err
	}
	if w.client != "" {
		if _, err := fmt.Fprintf(conn, "PROXY TCP4 %s 127.0.0.1 40000 25\r\n", w.client); err != nil {
			return err
		}
	}
	return submitOver(conn, from, to, raw)
}

func (w *world) serve(ts *testscript.TestScript, _ []string) error {
	ctx, cancel := context.WithCancel(context.Background())
	w.stopRun, w.ended, w.hangup = cancel, make(chan int, 1), make(chan os.Signal, 1)
	w.log = newLogLines(ts.MkAbs("log"))
	told, tell := io.Pipe()
	env := w.environment(ts, tell, w.log)
	go func() {
		code := run(ctx, []string{"serve", "-c", ts.MkAbs("guichet.yaml")}, env)
		_ = tell.Close()
		w.ended <- code
	}()
	lines := bufio.NewScanner(told)
	for lines.Scan() {
		switch _, address, _ := strings.Cut(lines.Text(), " on "); {
		case strings.Contains(lines.Text(), "SMTP on "):
			ts.Setenv("SMTP", address)
		case strings.HasPrefix(lines.Text(), "  tells "):
			ts.Setenv("METRICS", strings.TrimSuffix(strings.Fields(lines.Text())[1], "/metrics"))
		case strings.HasPrefix(lines.Text(), "  sends "):
			go func() { _, _ = io.Copy(io.Discard, told) }()
			return nil
		}
	}
	return fmt.Errorf("the daemon ended with %d: %s", <-w.ended, w.log)
}

func (w *world) stop(*testscript.TestScript, []string) error {
	if w.stopRun == nil {
		return nil
	}
	w.stopRun()
	w.stopRun = nil
	select {
	case code := <-w.ended:
		if code != exitDone {
			return fmt.Errorf("the daemon ended with %d", code)
		}
		return nil
	case <-time.After(patience):
		return errors.New("the daemon did not end")
	}
}

func (w *world) reload(_ *testscript.TestScript, args []string) error {
	seen := w.log.count(args[0])
	w.hangup <- syscall.SIGHUP
	return w.log.wait(args[0], seen+1)
}

func (w *world) send(ts *testscript.TestScript, args []string) error {
	signer, args := signerOf(args)
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	raw := []byte(strings.ReplaceAll(text, "\n", "\r\n"))
	m := parser.Parse(raw)
	from := m.From.Address
	var to []string
	for _, box := range append(m.To, m.Cc...) {
		to = append(to, box.Address)
	}
	if len(args) > 1 {
		from = strings.Trim(args[1], "<>")
	}
	if len(args) > 2 {
		to = args[2:]
	}
	return w.submit(ts, signer, from, to, raw)
}

func (w *world) reply(ts *testscript.TestScript, args []string) error {
	signer, args := signerOf(args)
	last := w.last[args[0]]
	if last == nil {
		return fmt.Errorf("%s has got no mail to answer", args[0])
	}
	w.clock = w.clock.Add(time.Minute)
	letter := written{from: mail.Address{Address: args[0]}, text: strings.TrimRight(os.Expand(ts.ReadFile(args[1]), ts.Getenv), "\n"), at: w.clock}
	if known, ok := people[args[0]]; ok {
		letter.from = known
	}
	letter.answer(last, "On Mon, 16 Mar 2026 at 09:12, %s wrote:")
	return w.submit(ts, signer, args[0], []string{letter.to}, letter.bytes())
}

// dialog plays a session line by line.
func (w *world) dialog(ts *testscript.TestScript, args []string) error {
	conn, err := net.Dial("tcp", ts.Getenv("SMTP"))
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	answers := bufio.NewReader(conn)
	for line := range strings.SplitSeq(strings.TrimSpace(ts.ReadFile(args[0])), "\n") {
		line = os.Expand(line, ts.Getenv)
		kind, text, _ := strings.Cut(line, ": ")
		w.canary.line(text)
		switch kind {
		case "C", "C:":
			if _, err := io.WriteString(conn, text+"\r\n"); err != nil {
				return err
			}
		case "c":
			raw, err := strconv.Unquote(`"` + strings.ReplaceAll(text, `"`, `\"`) + `"`)
			if err != nil {
				return fmt.Errorf("%q: %w", text, err)
			}
			if _, err := io.WriteString(conn, raw); err != nil {
				return err
			}
		case "S":
			got, err := readAnswer(answers)
			if err != nil {
				return fmt.Errorf("waiting for %q: %w", text, err)
			}
			if ok, err := regexp.MatchString(text, got); !ok {
				return fmt.Errorf("wanted %q, got %q (%v)", text, got, err)
			}
		case "L":
			_, _ = io.WriteString(conn, text+"\r\n") // to whoever may have hung up
		case "X":
			if done := w.interrupt(text); done {
				return nil
			}
		case "G":
			got, err := answers.ReadString('\n')
			if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				return fmt.Errorf("the session goes on: %q (%v)", got, err)
			}
		default:
			return fmt.Errorf("neither C:, c:, S:, L:, X: nor G:: %q", line)
		}
	}
	return nil
}

// interrupt does what happens to a session from outside. It reports whether that
// was its end.
func (w *world) interrupt(how string) (end bool) {
	switch how {
	case "stall":
		w.doors.expire()
	case "stop":
		w.stopRun()
	}
	return how == "cut"
}

// readAnswer reads one answer of any number of lines (RFC 5321 §4.2.1).
func readAnswer(r *bufio.Reader) (string, error) {
	var all strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return all.String(), err
		}
		all.WriteString(line)
		if len(line) < 4 || line[3] != '-' {
			return strings.TrimSpace(all.String()), nil
		}
	}
}

var noteAddress = regexp.MustCompile(`[\w.-]+\+c[a-z2-7]{39}@[\w.-]+`)

func (w *world) mail(ts *testscript.TestScript, args []string) error {
	m, err := w.post.pick(args)
	if err != nil {
		return fmt.Errorf("no mail came to %s: %s", strings.Join(args, ", with "), w.log)
	}
	w.last[args[0]], w.newest = m, m
	w.canary.mail(m.raw)
	head, _, _ := bytes.Cut(m.raw, []byte("\r\n\r\n"))
	fields := strings.ReplaceAll(string(head), "\r\n ", " ")
	fields = strings.ReplaceAll(fields, "\r\n", "\n") + "\nSubject-Text: " + m.subject + "\n"
	text := m.message.Text + "\n"
	for _, a := range m.message.Attachments {
		text += fmt.Sprintf("\nAttachment: %s (%s, %d bytes)\n", a.Name, a.Type, a.Size)
	}
	for name, content := range map[string]string{"fields": fields, "text": text, "mail": fields + "\n" + text} {
		if err := os.WriteFile(ts.MkAbs(name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	ts.Setenv("REPLY", m.replyTo)
	ts.Setenv("TOKEN", anyToken.FindString(m.replyTo))
	ts.Setenv("MSGID", m.message.MessageID)
	ts.Setenv("CODE", trackingCode.FindString(m.message.Text))
	if code := validationCode(m.message.Text); code != "" {
		ts.Setenv("VALIDATION", code)
	}
	ts.Setenv("NOTE", noteAddress.FindString(text))
	ts.Setenv("SENDER", m.sender)
	return nil
}

// pick takes the next mail to somebody, or where a pattern follows the next that
// has it: the mails of one moment leave in any order. The others stay.
func (o *postOffice) pick(args []string) (*received, error) {
	var passed []*received
	for {
		m, err := o.next(context.Background(), args[0])
		if err == nil && len(args) > 1 && !regexp.MustCompile(args[1]).MatchString(m.subject+"\n"+m.message.Text) {
			passed = append(passed, m)
			continue
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		b := o.box(args[0])
		b.mails = append(passed, b.mails...)
		return m, err
	}
}

func (w *world) fetch(ts *testscript.TestScript, args []string) error {
	response, err := http.Get(ts.Getenv("METRICS") + args[0])
	if err != nil {
		return err
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", response.Status, page)
	}
	return os.WriteFile(ts.MkAbs("out"), page, 0o600)
}

func (w *world) raw(ts *testscript.TestScript, _ []string) error {
	return os.WriteFile(ts.MkAbs("raw"), w.newest.raw, 0o600)
}

func (w *world) let(ts *testscript.TestScript, args []string) error {
	found := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("mail"))
	if found == nil {
		return fmt.Errorf("nothing in the mail is %s: %s", args[1], ts.ReadFile("mail"))
	}
	ts.Setenv(args[0], found[1])
	return nil
}

func (w *world) directory(ts *testscript.TestScript, args []string) error {
	status, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	ts.Defer(page.Close)
	ts.Setenv("ACCOUNTS", page.URL)
	return nil
}

// nomail waits until the outbox owes nobody anything, and looks into the boxes.
func (w *world) nomail(ts *testscript.TestScript, args []string) error {
	if err := w.settled(ts); err != nil {
		return err
	}
	for _, who := range args {
		if m, ok := w.post.left(who); ok {
			return fmt.Errorf("%s got %q: %s", who, m.subject, m.message.Text)
		}
	}
	return nil
}

func (w *world) mails(ts *testscript.TestScript, args []string) error {
	if err := w.settled(ts); err != nil {
		return err
	}
	n := 0
	for m, ok := w.post.left(args[0]); ok; m, ok = w.post.left(args[0]) {
		w.canary.mail(m.raw)
		n++
	}
	if strconv.Itoa(n) != args[1] {
		return fmt.Errorf("%s got %d mails, not %s", args[0], n, args[1])
	}
	return nil
}

// settled waits until the outbox has tried all that it owes, as long as what it
// owes changes.
func (w *world) settled(ts *testscript.TestScript) error {
	var before string
	for deadline := time.Now().Add(patience); ; {
		var out bytes.Buffer
		if code := run(context.Background(), []string{"outbox", "--json", "-c", ts.MkAbs("guichet.yaml")}, w.environment(ts, &out, w.log)); code != exitDone {
			return fmt.Errorf("guichet outbox ended with %d: %s", code, w.log)
		}
		if !owes(out.Bytes()) {
			return nil
		}
		if out.String() != before {
			before, deadline = out.String(), time.Now().Add(patience)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("still owed: %s", out.String())
		}
	}
}

// owes reports whether a list of the outbox holds a mail that is about to leave.
func owes(list []byte) bool {
	lines := json.NewDecoder(bytes.NewReader(list))
	for {
		var row struct {
			State    string `json:"state"`
			Attempts int    `json:"attempts"`
		}
		if lines.Decode(&row) != nil {
			return false
		}
		if row.State == "queued" && row.Attempts == 0 {
			return true
		}
	}
}

func (w *world) tool(ts *testscript.TestScript, args []string) error {
	var out bytes.Buffer
	for i := range args {
		args[i] = os.Expand(args[i], ts.Getenv)
	}
	code := run(context.Background(), append(args, "-c", ts.MkAbs("guichet.yaml")), w.environment(ts, &out, &out))
	if err := os.WriteFile(ts.MkAbs("out"), out.Bytes(), 0o600); err != nil {
		return err
	}
	if code != exitDone {
		return fmt.Errorf("it ended with %d: %s", code, out.String())
	}
	return nil
}
