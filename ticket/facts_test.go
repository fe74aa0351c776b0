package ticket_test

import (
	"reflect"
	"testing"

	"guichet/ticket"
)

// A query that asks for more than Unknown has is never left out, whatever it may
// ask for one day.
func TestUnknownIsAllThatIsAsked(t *testing.T) {
	all := reflect.TypeFor[ticket.Query]()
	for i := range all.NumField() {
		var q ticket.Query
		field := reflect.ValueOf(&q).Elem().Field(i)
		if field.Kind() == reflect.Slice {
			field.Set(reflect.MakeSlice(field.Type(), 1, 1))
		} else if field.Kind() == reflect.Bool {
			field.SetBool(true)
		} else {
			field.SetString("x")
		}
		name := all.Field(i).Name
		unknown, ok := q.Unknown()
		_, has := reflect.TypeFor[ticket.Unknown]().FieldByName(name)
		if ok != (has || name == "Site") {
			t.Errorf("%s: %v", name, ok)
		}
		if has && !reflect.DeepEqual(reflect.ValueOf(unknown).Elem().FieldByName(name).Interface(), field.Interface()) {
			t.Errorf("%s is lost", name)
		}
	}
}
