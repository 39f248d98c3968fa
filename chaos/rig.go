package chaos

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/dray-fleet/dray/auth"
	"github.com/dray-fleet/dray/fleet"
	"github.com/dray-fleet/dray/sim"
)

// Bounds that a promise sets.
const (
	maxRSS  = 1 << 30
	maxDisk = 2 << 30
)

// A rig is dray under load: its processes, its database, its clients, and the
// account of what they were told.
type rig struct {
	opts    Options
	dir     string
	secret  string
	minter  *auth.Minter
	account *account
	result  Result

	processes []*process // in the order of starting
	db        *database
	mqtt      string            // host:port
	http      string            // of the API, http://host:port
	admins    map[string]string // of each process, http://host:port
	closers   []func() error
	mounts    []string
	storm     []net.Conn

	canaries []*canary
	watcher  *watcher
	clerk    *clerk // nil where nobody creates shipments
	stopLoad context.CancelFunc
	loaded   sync.WaitGroup
	simErr   error
	sampling context.CancelFunc
	sampled  sync.WaitGroup
}

func newRig(opts Options, dir string) (*rig, error) {
	secret := rand.Text() + rand.Text()
	minter, err := auth.NewMinter([]byte(secret), "", "")
	if err != nil {
		return nil, err
	}
	return &rig{
		opts: opts, dir: dir, secret: secret, minter: minter, admins: map[string]string{},
		account: newAccount(filepath.Join(dir, "sent"), filepath.Join(dir, "acked")),
	}, nil
}

// environment is nobody's: nothing of DRAY_ but what is set here.
func (r *rig) environment(name string, more ...string) []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "DRAY_") {
			env = append(env, kv)
		}
	}
	env = append(env, "DRAY_DATA_DIR="+filepath.Join(r.dir, name), "DRAY_AUTH_SECRET="+r.secret, "DRAY_LOG_FORMAT=json",
		"DRAY_INGEST_MIN_INTERVAL=0", // nothing is thinned, so everything can be counted
		"DRAY_LIMITS_MESSAGE_RATE=1000000", "DRAY_LIMITS_MESSAGE_BURST=1000000")
	return append(append(env, r.opts.Env...), more...)
}

// add describes a process of dray without starting it.
func (r *rig) add(role string, env ...string) (*process, error) {
	var addrs [3]string
	for i := range addrs {
		var err error
		if addrs[i], err = freeAddr(); err != nil {
			return nil, err
		}
	}
	env = append(env, "DRAY_HTTP_ADDR="+addrs[0], "DRAY_MQTT_ADDR="+addrs[1], "DRAY_ADMIN_ADDR="+addrs[2])
	p := &process{
		name: role, binary: r.opts.Binary, args: []string{role}, env: r.environment(role, env...),
		ready: "http://" + addrs[2] + "/readyz", logPath: filepath.Join(r.dir, role+".log"), ours: true,
	}
	r.processes = append(r.processes, p)
	r.admins[role] = "http://" + addrs[2]
	if role == "serve" || role == "api" {
		r.http = "http://" + addrs[0]
	}
	if role == "serve" || role == "broker" {
		r.mqtt = addrs[1]
	}
	return p, nil
}

// serve starts `dray serve` with its embedded stream and SQLite.
func (r *rig) serve(ctx context.Context, env ...string) (*process, error) {
	p, err := r.add("serve", env...)
	if err != nil {
		return nil, err
	}
	return p, r.open(ctx, p)
}

// open starts a `dray serve` and opens its database.
func (r *rig) open(ctx context.Context, p *process) (err error) {
	if err := p.up(ctx); err != nil {
		return err
	}
	if r.db, err = openSQLite(filepath.Join(r.dir, "serve", "dray.db")); err != nil {
		return err
	}
	r.closers = append(r.closers, r.db.Close)
	r.sample()
	return nil
}

// sample watches memory and disk until close.
func (r *rig) sample() {
	ctx, cancel := context.WithCancel(context.Background())
	r.sampling = cancel
	r.sampled.Go(func() {
		for wait(ctx, 500*time.Millisecond) == nil {
			var rss int64
			for _, p := range r.processes {
				if p.ours {
					rss += p.resident()
				}
			}
			r.result.RSSMax = max(r.result.RSSMax, rss)
			r.result.DiskMax = max(r.result.DiskMax, diskUsed(r.dir))
		}
	})
}

func (r *rig) stopSampling() {
	if r.sampling != nil {
		r.sampling()
		r.sampled.Wait()
		r.sampling = nil
	}
}

// bounded checks that memory and disk stayed so.
func (r *rig) bounded() {
	r.stopSampling()
	if r.result.RSSMax > maxRSS {
		r.breach("memory reached %d MiB", r.result.RSSMax>>20)
	}
	if r.result.DiskMax > maxDisk {
		r.breach("the disk reached %d MiB", r.result.DiskMax>>20)
	}
}

func (r *rig) breach(format string, args ...any) {
	r.result.Breaches = append(r.result.Breaches, fmt.Sprintf(format, args...))
}

// late is breach for what takes too long. It is only noted where others keep the
// machine so busy that nothing can be said of it.
func (r *rig) late(format string, args ...any) {
	if overloaded() {
		r.note("not judged, the machine is overloaded: "+format, args...)
		return
	}
	r.breach(format, args...)
}

// overloaded reports whether far more wants to run than there are processors
// (proc(5), loadavg); chaos alone makes a third of that.
func overloaded() bool {
	var waiting float64
	b, err := os.ReadFile("/proc/loadavg")
	if err == nil {
		_, err = fmt.Sscan(string(b), &waiting)
	}
	return err == nil && waiting > float64(8*runtime.NumCPU())
}

func (r *rig) note(format string, args ...any) {
	r.result.Notes = append(r.result.Notes, fmt.Sprintf(format, args...))
}

func (r *rig) close() error {
	r.endLoad()
	r.stopSampling()
	for i := len(r.processes) - 1; i >= 0; i-- {
		r.processes[i].kill()
	}
	var errs []error
	for _, dir := range r.mounts {
		errs = append(errs, syscall.Unmount(dir, syscall.MNT_DETACH))
	}
	for i := len(r.closers) - 1; i >= 0; i-- {
		errs = append(errs, r.closers[i]())
	}
	return errors.Join(errs...)
}

// token mints one whose beginning and end are hours away: good throughout a run,
// though a clock be an hour off.
func (r *rig) token(role fleet.Role, sub string) (string, error) {
	return r.minter.Mint(&auth.Claims{Subject: sub, Fleet: fleetID, Role: role,
		IssuedAt: time.Now().Add(-2 * time.Hour), ExpiresAt: time.Now().Add(12 * time.Hour)})
}

func (r *rig) dialAs(ctx context.Context, role fleet.Role, sub string, onMessage func(string, []byte)) (*client, error) {
	token, err := r.token(role, sub)
	if err != nil {
		return nil, err
	}
	return dial(ctx, r.mqtt, sub, sub, token, onMessage)
}

func (r *rig) dialDriver(ctx context.Context, driver string, onMessage func(string, []byte)) (*client, error) {
	return r.dialAs(ctx, fleet.RoleDriver, driver, onMessage)
}

// load starts a simulated fleet of drivers that report five times a second, eight
// canaries, floods and a dispatcher, and waits until all of it flows.
func (r *rig) load(ctx context.Context, drivers, floods int) error {
	s, err := sim.New(sim.Options{
		URL: "mqtt://" + r.mqtt, Fleet: fleetID, Drivers: drivers, Interval: 200 * time.Millisecond,
		Token:  func(driver string) (string, error) { return r.token(fleet.RoleDriver, driver) },
		Ledger: r.account.ackedFile, Sent: r.account.sentFile, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	loadCtx, cancel := context.WithCancel(ctx)
	r.stopLoad = cancel
	r.loaded.Go(func() { r.simErr = s.Run(loadCtx) })
	for i := range 8 {
		c := r.newCanary(fmt.Sprintf("%s%d", canaryPrefix, i+1), 20*time.Millisecond)
		r.canaries = append(r.canaries, c)
		r.loaded.Go(func() { c.run(loadCtx) })
	}
	for i := range floods {
		r.loaded.Go(func() { r.flood(loadCtx, fmt.Sprintf("flood-%d", i+1)) })
	}
	if r.clerk != nil {
		r.loaded.Go(func() { r.clerk.run(loadCtx) })
	}
	r.watcher = r.newWatcher()
	r.loaded.Go(func() { r.watcher.run(loadCtx) })

	began := time.Now()
	ctx, done := context.WithTimeout(ctx, startTime)
	defer done()
	return poll(ctx, "all under load", func() (bool, error) {
		return s.Stats().Connected == int64(drivers) && r.watcher.heardSince(began) && r.flows(ctx, began), nil
	})
}

// flows reports whether a canary was answered after t.
func (r *rig) flows(_ context.Context, t time.Time) bool {
	for _, c := range r.canaries {
		if c.answeredSince(t) {
			return true
		}
	}
	return false
}

// waits returns how long the canaries' acknowledgements took since it was last called.
func (r *rig) waits() []time.Duration {
	var all []time.Duration
	for _, c := range r.canaries {
		all = append(all, c.takeWaits()...)
	}
	return all
}

// recovered waits until, after the fault ended at t, something is acknowledged,
// delivered live and stored, and notes how long that took. More than limit is a
// breach; the short subset, which runs beside other tests, has three times that.
func (r *rig) recovered(ctx context.Context, t time.Time, limit time.Duration) error {
	limit *= time.Duration(r.times(1, 3))
	before := int64(-1)
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	err := poll(ctx, "back", func() (bool, error) {
		now, err := r.db.progress(ctx)
		if err != nil {
			return false, nil // the database may be part of the fault
		}
		if before < 0 {
			before = now
		}
		return now > before && r.flows(ctx, t) && r.watcher.heardSince(t), nil
	})
	took := time.Since(t)
	r.result.Recoveries = append(r.result.Recoveries, took.Seconds())
	r.result.Recover = max(r.result.Recover, took.Seconds())
	if err != nil {
		r.breach("%v", err)
		return nil
	}
	if took > limit {
		r.late("back only after %s, more than %s", took.Round(time.Millisecond), limit)
	}
	return nil
}

// endLoad stops the clients; the fleet waits a moment for what is under way.
func (r *rig) endLoad() {
	if r.stopLoad != nil {
		r.stopLoad()
		r.loaded.Wait()
		r.stopLoad = nil
	}
}

// settle ends the load, waits until everything acknowledged is stored, up to a
// minute, and draws the balance.
func (r *rig) settle(ctx context.Context) error {
	r.endLoad()
	if r.simErr != nil {
		return r.simErr
	}
	limit, cancel := context.WithTimeout(ctx, time.Duration(r.times(60, 20))*time.Second)
	defer cancel()
	var b balance
	err := poll(limit, "everything acknowledged is stored", func() (bool, error) {
		rows, err := r.db.rows(limit)
		if err != nil {
			return false, nil // away or busy for the moment
		}
		if b, err = r.account.balance(rows); err != nil {
			return false, err
		}
		return b.lost == 0, nil
	})
	if err != nil && limit.Err() == nil {
		return err
	}
	r.result.Acked, r.result.Rows, r.result.Distinct = b.acked, b.rows, b.distinct
	r.result.Lost, r.result.Doubled, r.result.Invented = b.lost, b.rows-b.distinct, b.invented
	if b.acked == 0 {
		r.breach("nothing was acknowledged")
	}
	if b.lost > 0 {
		r.breach("%d acknowledged are not stored, such as %v", b.lost, b.missing)
	}
	if r.result.Doubled > 0 {
		r.breach("%d are stored twice", r.result.Doubled)
	}
	if b.invented > 0 {
		r.breach("%d were never sent", b.invented)
	}
	if r.watcher != nil {
		var repeats, seen int
		if r.result.Inversions, repeats, seen = r.watcher.counts(); r.result.Inversions > 0 {
			r.breach("%d were delivered out of order", r.result.Inversions)
		}
		r.note("the dispatcher saw %d single fixes and %d again", seen, repeats)
	}
	if r.clerk != nil {
		r.clerk.settle(ctx, 20*time.Second)
	}
	return nil
}
