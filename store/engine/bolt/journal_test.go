package bolt

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// contents gives what an overlay holds, by bucket and key.
func contents(o *overlay) map[string]string {
	out := map[string]string{}
	for c := o.changes(); c.more; c.advance() {
		v := string(c.at.Value())
		if c.at.Value() == nil {
			v = "deleted"
		}
		out[fmt.Sprint(c.bucket, " ", c.at.Key())] = v
	}
	return out
}

// journaled makes a journal of some records, and gives its content, where each
// record ends, and what an overlay holds after it.
func journaled(t *testing.T) (content []byte, ends []int, after []map[string]string) {
	t.Helper()
	j := &journal{path: filepath.Join(t.TempDir(), "j"), generation: 7}
	o := newOverlay()
	for i := range 4 {
		r := newRecord()
		k, v := fmt.Sprint("key", i), strings.Repeat("v", 20*i)
		r.delete(0, []byte("key0"))
		o.mark(0, []byte("key0"))
		r.put(i, []byte(k), []byte(v))
		o.put(i, []byte(k), []byte(v))
		if err := j.append(r); err != nil {
			t.Fatal(err)
		}
		ends, after = append(ends, int(j.end)), append(after, contents(o))
	}
	content, err := os.ReadFile(j.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.release(); err != nil {
		t.Fatal(err)
	}
	return content[:ends[len(ends)-1]], ends, after
}

// A journal that ends anywhere gives the records that are whole.
func TestTornJournal(t *testing.T) {
	content, ends, after := journaled(t)
	for _, behind := range []string{"", strings.Repeat("\x00", 300), strings.Repeat("x", 300)} {
		for n := headSize; n <= len(content); n++ {
			whole := 0
			for whole < len(ends) && ends[whole] <= n {
				whole++
			}
			want := map[string]string{}
			if whole > 0 {
				want = after[whole-1]
			}
			torn := append(append([]byte{}, content[:n]...), behind...)
			j := &journal{}
			o, err := j.replay(torn)
			if err != nil || !maps.Equal(contents(o), want) || j.generation != 7 {
				t.Fatalf("cut at %d of %d: %v, %v, not %v", n, len(content), contents(o), err, want)
			}
			if whole > 0 && j.end != int64(ends[whole-1]) || whole == 0 && j.end != 0 {
				t.Fatalf("cut at %d, the next record would come at %d", n, j.end)
			}
		}
	}
	for n := range headSize {
		if o, err := new(journal).replay(content[:n]); err != nil || !o.empty() {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
}

// Damage that lies before whole records is no torn end.
func TestDamagedJournal(t *testing.T) {
	content, ends, _ := journaled(t)
	for n := range ends[len(ends)-2] {
		if n >= len(magic)+8+markerSize+2+len(strings.Join(buckets, " "))+4 && n < headSize {
			continue // nothing is there
		}
		broken := append([]byte{}, content...)
		broken[n] ^= 0x40
		if o, err := new(journal).replay(broken); err == nil {
			t.Fatalf("byte %d is another, and nobody says so: %v", n, contents(o))
		}
	}
}

// What a journal held before does not come back with what it holds next.
func TestJournalIsUsedAgain(t *testing.T) {
	j := &journal{path: filepath.Join(t.TempDir(), "j"), generation: 1}
	for round := range 3 {
		for i := range 5 - round {
			r := newRecord()
			r.put(0, []byte(fmt.Sprint("round", round, " ", i)), []byte("v"))
			if err := j.append(r); err != nil {
				t.Fatal(err)
			}
		}
		again := &journal{path: j.path}
		if o, err := again.read(); err != nil || len(contents(o)) != 5-round || again.end != j.end {
			t.Fatalf("in round %d it holds %v, %v", round, contents(o), err)
		}
		if err := again.release(); err != nil {
			t.Fatal(err)
		}
		if err := j.wipe(); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(j.path)
		if err != nil || strings.Trim(string(content), "\x00") != "" {
			t.Fatalf("after round %d something is left, %v", round, err)
		}
	}
	if err := j.remove(); err != nil {
		t.Fatal(err)
	}
}

// A record in doubt is perhaps on the disk; what comes after it was made without
// it.
func TestRecordInDoubtDoesNotComeBack(t *testing.T) {
	for already := range 2 { // in a journal that is empty, and in one that is not
		j := &journal{path: filepath.Join(t.TempDir(), "j"), generation: 1}
		add := func(key string, size int) {
			r := newRecord()
			r.put(0, []byte(key), make([]byte, size))
			if err := j.append(r); err != nil {
				t.Fatal(err)
			}
		}
		if already > 0 {
			add("before", 20)
		}
		end := j.end
		add("in doubt", 3*ahead)
		j.end, j.doubt = end, j.end // as where its sync fails, and it is there for all that
		if err := j.heal(); err != nil {
			t.Fatal(err)
		}
		if o, err := (&journal{path: j.path}).read(); err != nil || len(contents(o)) != already {
			t.Errorf("it is taken back, and %v, %v is there", contents(o), err)
		}
		add("after", 10)
		o, err := (&journal{path: j.path}).read()
		if err != nil {
			t.Fatal(err)
		}
		if _, known := o.get(0, []byte("in doubt")); known {
			t.Error("it is back")
		}
		if _, known := o.get(0, []byte("after")); !known {
			t.Error("what came after it is lost")
		}
		if _, known := o.get(0, []byte("before")); known != (already > 0) {
			t.Error("what came before it is not as it was")
		}
		if err := j.release(); err != nil {
			t.Fatal(err)
		}
	}
}
