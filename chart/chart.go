// Package chart draws numbers as small pictures for mails: columns on a ground
// that is left clear, in colours that read on white and on black. There are no
// words in a picture: they stand beside it, where they can be read aloud, grow
// with the reader's letters, and break on a phone.
package chart

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
)

// Width and Height are those of a picture in its own pixels: twice those at which
// a mail shows it, for the screens of phones.
const (
	Width  = 1072
	Height = 320
)

// Colour is one of those that series are drawn in. People who see few colours
// tell them apart by how bright they are.
type Colour color.NRGBA

// The colours.
var (
	Blue   = Colour{0x3b, 0x82, 0xd6, 0xff}
	Orange = Colour{0xe8, 0x9b, 0x2c, 0xff}
	grid   = Colour{0x80, 0x88, 0x90, 0x66}
	ground = Colour{0x80, 0x88, 0x90, 0xff}
)

// Hex is the colour as HTML writes it.
func (c Colour) Hex() string {
	const digits = "0123456789abcdef"
	out := []byte{'#'}
	for _, b := range []uint8{c.R, c.G, c.B} {
		out = append(out, digits[b>>4], digits[b&15])
	}
	return string(out)
}

// Series is a row of numbers that are drawn in one colour; none is below 0.
type Series struct {
	Colour Colour
	Values []int
}

// Chart is a picture.
type Chart struct {
	PNG []byte
	// Top is the number that the uppermost line stands for; the one in the middle
	// stands for half of it.
	Top int
}

// Columns draws series side by side: of each place in them a group of columns.
// All groups are equally wide, so that words below stand under them.
func Columns(series ...Series) Chart {
	places, most := 0, 0
	palette := color.Palette{color.NRGBA{}, color.NRGBA(grid), color.NRGBA(ground)}
	for _, s := range series {
		places = max(places, len(s.Values))
		palette = append(palette, color.NRGBA(s.Colour))
		for _, v := range s.Values {
			most = max(most, v)
		}
	}
	c := Chart{Top: above(most)}
	picture := image.NewPaletted(image.Rect(0, 0, Width, Height), palette)
	fill := func(r image.Rectangle, index int) {
		draw.Draw(picture, r, image.NewUniform(palette[index]), image.Point{}, draw.Src)
	}
	for _, y := range []int{0, (Height - line) / 2} {
		fill(image.Rect(0, y, Width, y+line), 1)
	}
	for i, s := range series {
		for place, v := range s.Values {
			fill(column(place, places, i, len(series), v, c.Top), 3+i)
		}
	}
	fill(image.Rect(0, Height-line, Width, Height), 2)
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		panic("chart: " + err.Error()) // memory takes all that is written
	}
	c.PNG = b.Bytes()
	return c
}

// line is how thick lines are, widest how wide a column may get.
const (
	line   = 2
	widest = 96
)

// column is where a number is drawn. Two thirds of a group's room are columns; a
// number above 0 can always be seen.
func column(place, places, series, all, value, top int) image.Rectangle {
	left, right := place*Width/places, (place+1)*Width/places
	wide := min(widest, max(2, (right-left)*2/3/all))
	x := (left+right-wide*all)/2 + series*wide
	high := value * (Height - line) / top
	if value > 0 {
		high = max(high, 3*line)
	}
	gap := min(2, wide/8)
	return image.Rect(x+gap, Height-high, x+wide-gap, Height)
}

// above is the next even round number: 2, 4, 6, 10, 20, 40, 60, 100, …
func above(n int) int {
	for ten := 1; ; ten *= 10 {
		for _, step := range []int{2, 4, 6, 10} {
			if step*ten >= n {
				return step * ten
			}
		}
	}
}
