package chart

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"testing"
)

func decode(t *testing.T, c Chart) image.Image {
	t.Helper()
	picture, err := png.Decode(bytes.NewReader(c.PNG))
	if err != nil {
		t.Fatal(err)
	}
	if picture.Bounds() != image.Rect(0, 0, Width, Height) {
		t.Fatalf("the picture is %s", picture.Bounds())
	}
	return picture
}

// height counts the pixels of a colour in the middle of a group's half.
func height(picture image.Image, x int, c Colour) (n int) {
	for y := range Height {
		if color.NRGBAModel.Convert(picture.At(x, y)) == color.NRGBA(c) {
			n++
		}
	}
	return n
}

func TestColumnsAreAsHighAsTheirNumbers(t *testing.T) {
	c := Columns(Series{Blue, []int{10, 5, 0, 1}}, Series{Orange, []int{0, 10}})
	if c.Top != 10 {
		t.Errorf("the line at the top is %d", c.Top)
	}
	picture := decode(t, c)
	group, whole := Width/4, Height-line
	for _, each := range []struct {
		place, series, want int
		colour              Colour
	}{{0, 0, whole, Blue}, {0, 1, 0, Orange}, {1, 0, whole / 2, Blue}, {1, 1, whole, Orange}, {2, 0, 0, Blue}, {3, 0, whole / 10, Blue}} {
		x := each.place*group + group/2 - 20 + 40*each.series
		if got := height(picture, x, each.colour); got < each.want-line || got > each.want+line {
			t.Errorf("place %d, series %d is %d high, want %d", each.place, each.series, got, each.want)
		}
	}
	if _, _, _, alpha := picture.At(2*group+group/2, 20).RGBA(); alpha != 0 {
		t.Error("the ground is not clear")
	}
}

func TestWhatIsSmallIsSeenAndWhatIsManyFits(t *testing.T) {
	many := make([]int, 400)
	many[0], many[399] = 100_000, 1
	picture := decode(t, Columns(Series{Blue, many}, Series{Orange, many}))
	seen := 0
	for x := Width - 4; x < Width; x++ {
		seen += height(picture, x, Blue)
	}
	if seen == 0 {
		t.Error("1 beside 100,000 is not seen")
	}
	decode(t, Columns())
	if c := Columns(Series{Blue, nil}); c.Top != 2 {
		t.Errorf("of nothing, the line at the top is %d", c.Top)
	}
}

func TestTheTopIsRoundAndHasAHalf(t *testing.T) {
	for n, want := range map[int]int{0: 2, 1: 2, 2: 2, 3: 4, 5: 6, 7: 10, 10: 10, 11: 20, 41: 60, 61: 100, 100: 100, 101: 200} {
		if got := above(n); got != want {
			t.Errorf("above %d is %d, want %d", n, got, want)
		}
	}
}

func TestPicturesAreSmall(t *testing.T) {
	values := make([]int, 32)
	for i := range values {
		values[i] = i * 37 % 101
	}
	if n := len(Columns(Series{Blue, values}, Series{Orange, values}).PNG); n > 8<<10 {
		t.Errorf("a month is %d bytes", n)
	}
}

func TestColoursAsHTMLWritesThem(t *testing.T) {
	if got := Blue.Hex(); got != "#3b82d6" {
		t.Errorf("blue is %s", got)
	}
}
