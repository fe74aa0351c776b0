package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"guichet/ticket"
)

// What is sealed is a line of JSON. What people wrote may be long: it stands behind
// that line as it is, each text with its length before it, so that nothing escapes
// it or looks for its end. Until version 4 texts were in the JSON, and nothing
// stood behind it.

// texts are those parts of a value that stand behind its JSON.
func texts(v any) []*string {
	switch v := v.(type) {
	case *ticket.Article:
		return []*string{&v.Text, &v.Whole}
	case *ticket.Held:
		return []*string{&v.Text}
	}
	return nil
}

// sealJSON seals a value. One that has texts is given as a pointer, and is nobody
// else's meanwhile.
func (s *Store) sealJSON(k key, at place, v any) ([]byte, error) {
	w := writers.Get().(*writer)
	defer writers.Put(w)
	w.Reset()
	if err := w.write(v); err != nil {
		return nil, fmt.Errorf("store: writing %s: %w", at.record, err)
	}
	return s.vault.seal(k, at, w.Bytes()), nil
}

func (s *Store) openJSON(k key, at place, sealed []byte, v any) error {
	plain, err := s.vault.open(k, at, sealed)
	if err != nil {
		return err
	}
	if err := readValue(plain, v); err != nil {
		return fmt.Errorf("store: reading %s: %w", at.record, err)
	}
	return nil
}

// writer makes values that only readValue reads: their JSON needs no care for HTML.
type writer struct {
	bytes.Buffer
	*json.Encoder
}

var writers = sync.Pool{New: func() any {
	w := &writer{}
	w.Encoder = json.NewEncoder(&w.Buffer)
	w.SetEscapeHTML(false)
	return w
}}

func (w *writer) write(v any) error {
	behind := texts(v)
	kept := make([]string, len(behind))
	for i, text := range behind {
		kept[i], *text = *text, ""
	}
	err := w.Encode(v) // one line, with its end
	for i, text := range behind {
		*text = kept[i]
		w.Write(binary.AppendUvarint(w.AvailableBuffer(), uint64(len(*text))))
		w.WriteString(*text)
	}
	return err
}

var errCutText = errors.New("a text is shorter than it was")

// readValue reads what a writer wrote.
func readValue(plain []byte, v any) error {
	line, behind, _ := bytes.Cut(plain, []byte{'\n'})
	if err := json.Unmarshal(line, v); err != nil || len(behind) == 0 {
		return err
	}
	for _, text := range texts(v) {
		n, head := binary.Uvarint(behind)
		if head <= 0 || n > uint64(len(behind)-head) {
			return errCutText
		}
		end := head + int(n)
		*text, behind = string(behind[head:end]), behind[end:]
	}
	return nil
}
