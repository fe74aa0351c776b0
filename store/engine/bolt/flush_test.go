package bolt

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"guichet/store/engine"
)

// small is how much gathers in these tests: some dozen records.
const small = 8 << 10

func openSmall(t *testing.T, dir string) *Engine {
	t.Helper()
	e, err := Open(Options{Dir: dir, Now: time.Now, Memory: small})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func shut(t *testing.T, e *Engine) {
	t.Helper()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
}

func put(e *Engine, record, value string) error {
	_, err := e.Commit(ctx, "acme", engine.Batch{Steps: []engine.Step{engine.Put(record, "v", []byte(value))}})
	return err
}

func get(t *testing.T, e *Engine, record string) string {
	t.Helper()
	got, err := e.Read(ctx, "acme", engine.Ask{Record: record, Fields: []string{"v"}})
	if err != nil {
		t.Fatal(err)
	}
	return string(got[0].Rows[0].Fields["v"])
}

// above gives what lies above the file.
func above(e *Engine) layers {
	e.durable.swap.RLock()
	defer e.durable.swap.RUnlock()
	return e.durable.layers
}

// crashed gives a copy of a store as it lies on the disk between two writes.
func crashed(t *testing.T, e *Engine) (dir string) {
	t.Helper()
	e.durable.flushing.Lock()
	defer e.durable.flushing.Unlock()
	return copied(t, e)
}

func copied(t *testing.T, e *Engine) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(e.dir)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// everything gives what a store holds, by Dump and by Scan alike.
func everything(t *testing.T, e *Engine) map[string]string {
	t.Helper()
	var both [2]map[string]string
	for i, items := range []func(func(engine.Item, error) bool){e.Dump(ctx), e.Scan(ctx)} {
		both[i] = map[string]string{}
		for item, err := range items {
			if err != nil {
				t.Fatal(err)
			}
			if item.Pack != "" {
				for _, n := range engine.PackNumbers(item.Value, 0, math.MaxUint32) {
					both[i][fmt.Sprint(item.Pack, " ", n)] = "there"
				}
				continue
			}
			both[i][fmt.Sprint(item.Record, item.Index, " ", item.Name)] = fmt.Sprint(string(item.Value), item.Score)
		}
	}
	if !maps.Equal(both[0], both[1]) {
		t.Errorf("Dump gives %v, Scan %v", both[0], both[1])
	}
	return both[0]
}

// TestRandomCommits holds a store whose overlays freeze all the time to a map,
// while readers look on, files are written anew, and the machine fails.
func TestRandomCommits(t *testing.T) {
	e := openSmall(t, t.TempDir())
	random := rand.New(rand.NewPCG(1, 2))
	want := map[string]string{}
	stop := watch(t, e)
	for round := range 800 {
		record, member := fmt.Sprint("r", random.IntN(150)), fmt.Sprint("m", random.IntN(40))
		var step engine.Step
		number := 1 + random.Uint32N(100)
		switch random.IntN(8) {
		case 0:
			step = engine.Drop(record)
			delete(want, record+" v")
		case 1:
			step = engine.Remove("i", member)
			delete(want, "i "+member)
		case 2:
			step = engine.Add("i", member, engine.Score(round))
			want["i "+member] = fmt.Sprint(round)
		case 3:
			step = engine.Include("p", number)
			want[fmt.Sprint("p ", number)] = "there"
		case 4:
			step = engine.Exclude("p", number)
			delete(want, fmt.Sprint("p ", number))
		default:
			value := strings.Repeat("x", random.IntN(300)) + fmt.Sprint(round)
			step = engine.Put(record, "v", []byte(value))
			want[record+" v"] = value + "0"
		}
		n := []byte(fmt.Sprint(round))
		twice := []engine.Step{step, engine.Put("one", "n", n), engine.Put("other", "n", n)}
		want["one n"], want["other n"] = string(n)+"0", string(n)+"0"
		if _, err := e.Commit(ctx, "acme", engine.Batch{Steps: twice}); err != nil {
			t.Fatal(err)
		}
		switch random.IntN(100) {
		case 0:
			if err := e.Compact(ctx); err != nil {
				t.Fatal(err)
			}
		case 1:
			stop()
			again := openSmall(t, crashed(t, e))
			shut(t, e)
			e = openSmall(t, e.dir)
			same(t, round, e, want)
			shut(t, e)
			e = again
			stop = watch(t, e)
		}
		if round%50 == 0 {
			same(t, round, e, want)
		}
	}
	stop()
	shut(t, e)
}

func same(t *testing.T, round int, e *Engine, want map[string]string) {
	t.Helper()
	got := everything(t, e)
	for k, v := range want {
		if got[k] != v {
			t.Errorf("in round %d, %s is %.20q, not %.20q", round, k, got[k], v)
		}
	}
	if len(got) != len(want) {
		t.Errorf("in round %d there are %d, not %d", round, len(got), len(want))
	}
}

// watch reads all the time, and checks that what it sees is of one moment, and
// none that was before.
func watch(t *testing.T, e *Engine) (stop func()) {
	over := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		last := -1
		for {
			select {
			case <-over:
				return
			default:
			}
			got, err := e.Read(ctx, "acme", engine.Ask{Record: "one", Fields: []string{"n"}}, engine.Ask{Record: "other", Fields: []string{"n"}})
			if err != nil {
				t.Error(err)
				return
			}
			one, other, n := string(got[0].Rows[0].Fields["n"]), string(got[1].Rows[0].Fields["n"]), 0
			_, _ = fmt.Sscan(one, &n)
			if one != other || n < last {
				t.Errorf("after %d one has %s and the other %s", last, one, other)
				return
			}
			last = n
		}
	})
	return func() { close(over); group.Wait() }
}

// A daemon that fails while it writes to the file leaves two journals; the newer
// one is right.
func TestTwoJournals(t *testing.T) {
	dir := t.TempDir()
	e := openSmall(t, dir)
	e.durable.flushing.Lock() // the flusher waits
	for i := range 3 {
		for _, record := range []string{"a", "b"} {
			if err := put(e, record, fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		if i == 0 {
			e.durable.writing.Lock()
			e.durable.freeze()
			e.durable.writing.Unlock()
		}
	}
	if _, err := e.Commit(ctx, "acme", engine.Batch{Steps: []engine.Step{engine.Drop("b")}}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // which of the two files is the older one must not matter
		again := openSmall(t, copied(t, e))
		if a, b := get(t, again, "a"), get(t, again, "b"); a != "2" || b != "" {
			t.Errorf("a holds %q, b %q", a, b)
		}
		shut(t, again)
		e.durable.flushing.Unlock()
		if err := e.durable.drain(); err != nil {
			t.Fatal(err)
		}
		e.durable.flushing.Lock()
		for i := range 3 {
			if err := put(e, "a", fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
			if i == 1 {
				e.durable.writing.Lock()
				e.durable.freeze()
				e.durable.writing.Unlock()
			}
		}
	}
	e.durable.flushing.Unlock()
	shut(t, e)
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) != 1 || filepath.Base(names[0]) != "guichet.db" {
		t.Errorf("closed, the directory holds %v, %v", names, err)
	}
}

// A damaged journal is not taken for one that ends there.
func TestDamagedJournalIsToldOf(t *testing.T) {
	dir := t.TempDir()
	e := openSmall(t, dir)
	for i := range 3 {
		if err := put(e, fmt.Sprint(i), "v"); err != nil {
			t.Fatal(err)
		}
	}
	left := crashed(t, e)
	shut(t, e)
	name := filepath.Join(left, "guichet.db.journal1")
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	content[headSize+recordHead+3] ^= 1
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // nothing is lost by trying
		if _, err := Open(Options{Dir: left, Now: time.Now}); err == nil || !strings.Contains(err.Error(), "journal1: damaged at byte 512") {
			t.Errorf("error is %v", err)
		}
	}
}

// What lies in memory does not wait for company for ever.
func TestChangesReachTheFileInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		e, err := Open(Options{Dir: dir, Now: time.Now, Age: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if err := put(e, "a", "v"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if above(e).young.empty() {
			t.Error("it was written already")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if l := above(e); !l.young.empty() || l.frozen != nil {
			t.Error("it lies in memory still")
		}
		content, err := os.ReadFile(filepath.Join(dir, "guichet.db.journal1"))
		if err != nil || strings.Trim(string(content), "\x00") != "" {
			t.Errorf("it lies in the journal still, %v", err)
		}
		if got := get(t, e, "a"); got != "v" {
			t.Errorf("it is %q", got)
		}
		shut(t, e)
	})
}

// While the file has no room, commits go on until memory is full, and fail then;
// what was committed is there all the time.
func TestFileThatCannotGrow(t *testing.T) {
	dir := t.TempDir()
	e := openSmall(t, dir)
	f := e.durable
	f.flushing.Lock()
	f.db.MaxSize = 1
	f.flushing.Unlock()
	n := 0
	var err error
	for ; err == nil && n < 10000; n++ {
		err = put(e, fmt.Sprint("r", n), strings.Repeat("v", 200))
	}
	n-- // the last one failed
	if err == nil || n*200 < small {
		t.Fatalf("%d commits, then %v", n, err)
	}
	if l := above(e); l.young.size > 3*small || l.frozen.size > 3*small {
		t.Errorf("memory holds %d and %d bytes", l.young.size, l.frozen.size)
	}
	again := openSmall(t, crashed(t, e))
	for _, e := range []*Engine{e, again} {
		if got := len(everything(t, e)); got != n {
			t.Errorf("%d of %d are there", got, n)
		}
	}
	shut(t, again)
	f.flushing.Lock()
	f.db.MaxSize = 0
	f.flushing.Unlock()
	if err := f.flush(); err != nil {
		t.Fatal(err)
	}
	if err := put(e, "more", "v"); err != nil || get(t, e, "r0") == "" {
		t.Errorf("with room again: %v", err)
	}
	shut(t, e)
}

// instead lets the young journal write to a device, until the function that it
// gives is called.
func instead(t *testing.T, e *Engine, device string) (end func()) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the devices that fail as disks do are Linux's")
	}
	failing, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	j := e.durable.journal
	e.durable.writing.Lock()
	defer e.durable.writing.Unlock()
	good := j.file
	j.file = failing
	return func() {
		e.durable.writing.Lock()
		defer e.durable.writing.Unlock()
		j.file = good
		_ = failing.Close()
	}
}

func TestJournalWithoutRoom(t *testing.T) {
	dir := t.TempDir()
	e := openSmall(t, dir)
	if err := put(e, "a", "before"); err != nil {
		t.Fatal(err)
	}
	end := instead(t, e, "/dev/full")
	if err := put(e, "a", "refused"); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error is %v", err)
	}
	if got := get(t, e, "a"); got != "before" {
		t.Errorf("it is %q", got)
	}
	end()
	takesMore(t, e)
}

// takesMore is what must hold when a write that failed is over: what follows is
// taken, and after a crash what was taken is there, and nothing else.
func takesMore(t *testing.T, e *Engine) {
	t.Helper()
	if err := put(e, "b", "after"); err != nil {
		t.Error(err)
	}
	again := openSmall(t, crashed(t, e))
	if a, b := get(t, again, "a"), get(t, again, "b"); a != "before" || b != "after" {
		t.Errorf("a holds %q, b %q", a, b)
	}
	shut(t, again)
	shut(t, e)
}

// A sync that failed leaves a record of which nobody knows whether it is on the
// disk: nothing may come behind it.
func TestJournalThatCannotBeSynced(t *testing.T) {
	dir := t.TempDir()
	e := openSmall(t, dir)
	if err := put(e, "a", "before"); err != nil {
		t.Fatal(err)
	}
	end := instead(t, e, "/dev/null")
	for range 2 { // the second can take the first one back as little
		if err := put(e, "a", "refused"); err == nil || !strings.Contains(err.Error(), "the journal cannot be relied on") {
			t.Errorf("error is %v", err)
		}
	}
	if got := get(t, e, "a"); got != "before" {
		t.Errorf("it is %q", got)
	}
	end()
	takesMore(t, e)
}

// While the last record is in doubt, no other journal begins: it would be read
// behind that.
func TestNothingFreezesBehindADoubt(t *testing.T) {
	e := openSmall(t, t.TempDir())
	if err := put(e, "a", "before"); err != nil {
		t.Fatal(err)
	}
	end := instead(t, e, "/dev/null")
	if err := put(e, "a", "refused"); err == nil {
		t.Error("what could not be synced was taken")
	}
	if err := e.durable.drain(); err == nil || !strings.Contains(err.Error(), "the journal cannot be relied on") {
		t.Errorf("error is %v", err)
	}
	end()
	if err := e.durable.drain(); err != nil {
		t.Error(err)
	}
	if got := get(t, e, "a"); got != "before" {
		t.Errorf("it is %q", got)
	}
	shut(t, e)
}

// The room that is left of the sweeps of before does not have to be passed again.
func TestSweepBeginsWhereTheLastOneEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := openSmall(t, t.TempDir())
		expiring := func(record string, after time.Duration) {
			_, err := e.Commit(ctx, "acme", engine.Batch{Steps: []engine.Step{engine.Put(record, "v", nil), engine.Expire(record, after)}})
			if err != nil {
				t.Fatal(err)
			}
		}
		expiring("a", time.Second)
		expiring("b", 3*time.Second)
		for _, want := range []int{2, 2, 1} {
			if n := len(everything(t, e)); n != want {
				t.Errorf("%d are there, not %d", n, want)
			}
			time.Sleep(time.Second - time.Millisecond)
		}
		expiring("c", time.Millisecond)
		expiring("d", time.Hour)
		time.Sleep(2 * time.Second)
		expiring("e", time.Hour)
		if err := e.durable.drain(); err != nil {
			t.Fatal(err)
		}
		err := e.durable.read(func(p *page) error {
			n := 0
			c := p.fields.Cursor()
			for k, _ := c.First(); k != nil; k, _ = c.Next() {
				n++
			}
			if n != 4 { // d and e, and when they vanish
				t.Errorf("%d keys are left, not 4", n)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		shut(t, e)
	})
}

// What expired does not come back with what is put in its place, also where so
// much expired at once that it was not swept yet.
func TestMoreExpiresThanIsSweptAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := openSmall(t, t.TempDir())
		const last = "z"
		steps := []engine.Step{engine.Put(last, "old", nil), engine.Expire(last, time.Minute)}
		for i := range sweepAtOnce {
			record := fmt.Sprint("r", i)
			steps = append(steps, engine.Put(record, "old", nil), engine.Expire(record, time.Minute))
		}
		if _, err := e.Commit(ctx, "acme", engine.Batch{Steps: steps}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		for round := range 2 { // the first does not sweep it, the second does not know it any more
			if err := put(e, last, "new"); err != nil {
				t.Fatal(err)
			}
			if got := everything(t, e); len(got) != 1 || got[last+" v"] != "new0" {
				t.Errorf("in round %d there are %v", round, got)
			}
		}
		shut(t, e)
	})
}
