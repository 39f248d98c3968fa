package sqlite

import (
	"strconv"
	"strings"
	"time"

	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/store/internal/column"
)

// cells are the columns of a row that the database has joined to one text with
// NUL between them; an empty one is null. They are taken in their order.
type cells struct {
	text string
	err  error // of the first that is no number
}

func (c *cells) next() string {
	cell, rest, _ := strings.Cut(c.text, "\x00")
	c.text = rest
	return cell
}

// number returns the next column, and whether it is there.
func (c *cells) number() (int64, bool) {
	cell := c.next()
	if cell == "" {
		return 0, false
	}
	v, err := strconv.ParseInt(cell, 10, 64)
	if err != nil && c.err == nil {
		c.err = err
	}
	return v, true
}

// int, time and opt return the next column; its zero value for null.
func (c *cells) int() int64 {
	v, _ := c.number()
	return v
}

func (c *cells) time() time.Time {
	v, ok := c.number()
	if !ok {
		return time.Time{}
	}
	return column.Time(&v)
}

func (c *cells) opt(scale column.Scale) fleet.Opt {
	v, ok := c.number()
	if !ok {
		return fleet.Opt{}
	}
	return fleet.Some(scale.Float(int32(v)))
}
