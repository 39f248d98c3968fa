package sqlite

import (
	"database/sql/driver"
	"encoding/binary"
	"errors"

	"modernc.org/sqlite"

	"github.com/dray-fleet/dray/store/internal/packed"
)

// dray_rows is an aggregate function in SQL. It makes one value of many rows of
// rowColumns, since each column of each row that leaves SQLite is fetched under
// two locks, twice: that was over half of what reading a day of a driver cost.
//
// Of each row the value holds its numbers, eight bytes each, and its texts after
// their lengths. Nothing of it is kept on disk.
func init() {
	sqlite.MustRegisterFunction("dray_rows", &sqlite.FunctionImpl{
		NArgs:         rowNumbers + 2,
		Deterministic: true,
		MakeAggregate: func(sqlite.FunctionContext) (sqlite.AggregateFunction, error) { return &rowsFunction{}, nil },
	})
}

// rowNumbers are the columns of rowColumns before cause and ext.
const rowNumbers = 13

type rowsFunction struct{ value []byte }

func (f *rowsFunction) Step(_ *sqlite.FunctionContext, args []driver.Value) error {
	for _, v := range args[:rowNumbers] {
		n, ok := v.(int64)
		if !ok {
			n = packed.None
		}
		f.value = binary.LittleEndian.AppendUint64(f.value, uint64(n))
	}
	cause, _ := args[rowNumbers].(string)
	ext, _ := args[rowNumbers+1].([]byte)
	f.value = append(binary.AppendUvarint(f.value, uint64(len(cause))), cause...)
	f.value = append(binary.AppendUvarint(f.value, uint64(len(ext))), ext...)
	return nil
}

func (f *rowsFunction) WindowValue(*sqlite.FunctionContext) (driver.Value, error) {
	return f.value, nil
}

func (f *rowsFunction) WindowInverse(*sqlite.FunctionContext, []driver.Value) error {
	return errors.New("dray_rows is no window function")
}

func (f *rowsFunction) Final(*sqlite.FunctionContext) {}

// decodeRows returns the rows of a value of dray_rows, in their order.
func decodeRows(value []byte) ([]packed.Row, error) {
	rows := make([]packed.Row, 0, len(value)/(rowNumbers*8))
	for len(value) > 0 {
		if len(value) < rowNumbers*8 {
			return nil, errRows
		}
		var r packed.Row
		for i, column := range []*int64{&r.At, &r.Source, &r.Seq, &r.SentAt, &r.ReceivedAt, &r.StoredAt, &r.Lat, &r.Lon,
			&r.Accuracy, &r.Altitude, &r.Speed, &r.Heading, &r.Battery} {
			*column = int64(binary.LittleEndian.Uint64(value[i*8:]))
		}
		var cause []byte
		var ok bool
		if cause, value, ok = cutText(value[rowNumbers*8:]); !ok {
			return nil, errRows
		}
		if r.Ext, value, ok = cutText(value); !ok {
			return nil, errRows
		}
		r.Cause = string(cause)
		rows = append(rows, r)
	}
	return rows, nil
}

var errRows = errors.New("a value of dray_rows is cut off")

// cutText returns a text after its length, nil when it is empty, and what follows it.
func cutText(b []byte) (text, rest []byte, ok bool) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, nil, false
	}
	b = b[n:]
	if size == 0 {
		return nil, b, true
	}
	return b[:size:size], b[size:], true
}
