package blob_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"guichet/store/blob"
)

var (
	ctx  = context.Background()
	key  = [32]byte{1, 2, 3}
	bind = []byte("acme ticket:a blob:b")
)

func open(t *testing.T) (*blob.Dir, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "blobs")
	d, err := blob.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d, dir
}

func put(t *testing.T, d *blob.Dir, name string, content []byte) {
	t.Helper()
	n, err := d.Put(ctx, name, key, bind, bytes.NewReader(content))
	if err != nil || n != int64(len(content)) {
		t.Fatalf("%d bytes, %v", n, err)
	}
}

func get(d *blob.Dir, name string, key [32]byte, bind []byte, size int) ([]byte, error) {
	r, err := d.Get(name, key, bind, int64(size))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func TestContentsOfAnySizeComeBack(t *testing.T) {
	d, _ := open(t)
	for _, n := range []int{0, 1, 65535, 65536, 65537, 131072, 300_000} {
		for kind, content := range map[string][]byte{"random": random(n), "even": bytes.Repeat([]byte("a"), n)} {
			name := fmt.Sprintf("acme/aa/%d-%s", n, kind)
			put(t, d, name, content)
			got, err := get(d, name, key, bind, n)
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes: %d came back, %v", n, len(got), err)
			}
		}
	}
}

func TestPackedContentsComeBack(t *testing.T) {
	pack, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	d, _ := open(t)
	for _, n := range []int{0, 40_000, 65_000, 66_000, 300_000} {
		name, content := fmt.Sprintf("acme/%d", n), random(n)
		if err := d.PutPacked(name, key, bind, pack.EncodeAll(content, nil)); err != nil {
			t.Fatal(err)
		}
		got, err := get(d, name, key, bind, n)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes: %d came back, %v", n, len(got), err)
		}
	}
}

func TestANameIsTakenOnce(t *testing.T) {
	d, _ := open(t)
	put(t, d, "acme/x", []byte("first"))
	if _, err := d.Put(ctx, "acme/x", key, bind, strings.NewReader("second")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("error is %v", err)
	}
	if got, err := get(d, "acme/x", key, bind, 5); err != nil || string(got) != "first" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAlteredFilesDoNotOpen(t *testing.T) {
	d, dir := open(t)
	content := random(200_000)
	put(t, d, "acme/x", content)
	path := filepath.Join(dir, "acme", "x")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	flip := func(i int) []byte {
		b := bytes.Clone(whole)
		b[i] ^= 1
		return b
	}
	chunk := 64<<10 + 16
	for name, file := range map[string][]byte{
		"version": flip(0), "salt": flip(5), "first chunk": flip(100), "last byte": flip(len(whole) - 1),
		"cut": whole[:len(whole)-1], "cut at a chunk": whole[:17+2*chunk], "empty": nil, "head alone": whole[:17],
		"more": append(bytes.Clone(whole), 0), "chunks swapped": append(append(append(bytes.Clone(whole[:17]),
			whole[17+chunk:17+2*chunk]...), whole[17:17+chunk]...), whole[17+2*chunk:]...),
	} {
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := get(d, "acme/x", key, bind, len(content)); !errors.Is(err, blob.ErrBroken) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	other := key
	other[31]++
	for name, try := range map[string]func() ([]byte, error){
		"another key":   func() ([]byte, error) { return get(d, "acme/x", other, bind, len(content)) },
		"another place": func() ([]byte, error) { return get(d, "acme/x", key, []byte("else"), len(content)) },
		"longer":        func() ([]byte, error) { return get(d, "acme/x", key, bind, len(content)+1) },
		"shorter":       func() ([]byte, error) { return get(d, "acme/x", key, bind, len(content)-1) },
	} {
		if _, err := try(); !errors.Is(err, blob.ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNothingStandsInClear(t *testing.T) {
	d, dir := open(t)
	put(t, d, "acme/x", bytes.Repeat([]byte("canary "), 1000))
	content, err := os.ReadFile(filepath.Join(dir, "acme", "x"))
	if err != nil || bytes.Contains(content, []byte("canary")) {
		t.Errorf("in clear, or %v", err)
	}
}

func TestNamesStayInTheDirectory(t *testing.T) {
	d, _ := open(t)
	for _, name := range []string{"../x", "/tmp/x", "a/../../x"} {
		if _, err := d.Put(ctx, name, key, bind, bytes.NewReader(nil)); err == nil {
			t.Errorf("%s was written", name)
		}
	}
}

// noise is a large content that takes no memory.
type noise struct{ n int }

func (z *noise) Read(p []byte) (int, error) {
	if z.n == 0 {
		return 0, io.EOF
	}
	n := min(len(p), z.n)
	_, _ = rand.Read(p[:n])
	z.n -= n
	return n, nil
}

func TestLargeContentsAreNeverWhollyInMemory(t *testing.T) {
	d, _ := open(t)
	const size = 64 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := d.Put(ctx, "acme/large", key, bind, &noise{size}); err != nil {
		t.Fatal(err)
	}
	r, err := d.Get("acme/large", key, bind, size)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, r)
	if err := errors.Join(err, r.Close()); err != nil || n != size {
		t.Fatalf("%d bytes, %v", n, err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.HeapSys - before.HeapSys; after.HeapSys > before.HeapSys && grown > size/2 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
}

func TestBrokenOffWritingLeavesNoFile(t *testing.T) {
	d, _ := open(t)
	failed := errors.New("the sender went away")
	_, err := d.Put(ctx, "acme/x", key, bind, io.MultiReader(bytes.NewReader(random(100_000)), failing{failed}))
	if !errors.Is(err, failed) {
		t.Errorf("error is %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := d.Put(ended, "acme/x", key, bind, bytes.NewReader(nil)); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	if _, err := get(d, "acme/x", key, bind, 0); !errors.Is(err, blob.ErrGone) {
		t.Errorf("error is %v", err)
	}
	for name, err := range d.Old(ctx, time.Now().Add(time.Hour)) {
		t.Errorf("%s is left, %v", name, err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// BenchmarkPut keeps a content of 72 KiB that does not get smaller, one and
// fifty at a time, over 32 directories.
func BenchmarkPut(b *testing.B) {
	dir, err := blob.Open(filepath.Join(b.TempDir(), "blobs"))
	if err != nil {
		b.Fatal(err)
	}
	defer dir.Close()
	content := random(72 << 10)
	for _, workers := range []int{1, 50} {
		b.Run(strconv.Itoa(workers), func(b *testing.B) {
			var left atomic.Int64
			left.Store(int64(b.N))
			var all sync.WaitGroup
			for range workers {
				all.Go(func() {
					for n := left.Add(-1); n >= 0; n = left.Add(-1) {
						name := fmt.Sprintf("acme/%02d/%s", n%32, blob.NewMark())
						if _, err := dir.Put(ctx, name, key, bind, bytes.NewReader(content)); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			all.Wait()
		})
	}
}
