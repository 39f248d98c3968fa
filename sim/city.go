package sim

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// A city is where streets are laid out.
type city struct {
	lat, lon float64 // centre, degrees
	radius   float64 // metres that vehicles stay within
	rings    bool    // ring roads and spokes; else a grid
	turn     float64 // degrees by which the grid is turned from north
}

var cities = map[string]city{
	"berlin":       {52.5170, 13.3889, 7000, true, 0},
	"chicago":      {41.8790, -87.6700, 5000, false, 0},
	"johannesburg": {-26.2041, 28.0473, 6000, false, 8},
	"london":       {51.5120, -0.1180, 7000, true, 0},
	"madrid":       {40.4168, -3.7038, 5000, true, 0},
	"mexico-city":  {19.4326, -99.1332, 7000, false, 5},
	"nairobi":      {-1.2864, 36.8172, 5000, false, 30},
	"new-delhi":    {28.6315, 77.2167, 7000, true, 0},
	"paris":        {48.8566, 2.3522, 5000, true, 0},
	"sao-paulo":    {-23.5505, -46.6333, 7000, false, 40},
	"tokyo":        {35.6895, 139.7000, 6000, true, 0},
	"warsaw":       {52.2297, 21.0122, 5000, false, 20},
}

// Cities returns the names that Options.City knows.
func Cities() []string { return slices.Sorted(maps.Keys(cities)) }

func findCity(name string) (city, error) {
	c, ok := cities[strings.ToLower(name)]
	if !ok {
		return city{}, fmt.Errorf("sim: no city %q; there are %s", name, strings.Join(Cities(), ", "))
	}
	return c, nil
}

// degrees returns the place x metres east and y metres north of the centre.
func (c city) degrees(x, y float64) (lat, lon float64) {
	const metres = 111_320 // per degree of latitude
	return c.lat + y/metres, c.lon + x/(metres*math.Cos(c.lat*math.Pi/180))
}
