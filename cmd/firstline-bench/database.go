package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/pgvector/pgvector-go"
	pgxvector "github.com/pgvector/pgvector-go/pgx"

	"github.com/firstline/firstline/internal/postgres"
	"github.com/firstline/firstline/kb"
)

// cluster is the throw-away PostgreSQL that everything in a run shares.
type cluster struct {
	local *postgres.Local
	pid   int // of the server process
}

// clusterSettings are production's but for the memory, which holds the whole benchmark. Commits are durable.
var clusterSettings = map[string]string{"shared_buffers": "1GB", "random_page_cost": "1.1"}

// startCluster starts the cluster of a directory, making it when there is none. With statements, the server counts them,
// which costs some time: only for runs that are not timed.
func startCluster(ctx context.Context, dir string, statements bool, progress func(string)) (*cluster, error) {
	settings := map[string]string{}
	for name, value := range clusterSettings {
		settings[name] = value
	}
	if statements {
		settings["shared_preload_libraries"] = "pg_stat_statements"
	}
	local, err := postgres.StartLocal(ctx, postgres.LocalConfig{Dir: dir, Progress: progress, Settings: settings})
	if err != nil {
		return nil, err
	}
	pid, err := serverPID(filepath.Join(local.Dir(), "cluster"))
	if err != nil {
		return nil, errors.Join(err, local.Stop(ctx))
	}
	return &cluster{local: local, pid: pid}, nil
}

// serverPID reads the first line of postmaster.pid.
func serverPID(dir string) (int, error) {
	b, err := os.ReadFile(filepath.Join(dir, "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strconv.Atoi(strings.TrimSpace(line))
}

// url is the address of a database of the cluster.
func (c *cluster) url(database string) string {
	u, err := url.Parse(c.local.URL())
	if err != nil {
		panic("the cluster's own URL is malformed: " + err.Error())
	}
	u.Path = "/" + database
	return u.String()
}

// stop shuts the server down; what was started must end even when the run was interrupted.
func (c *cluster) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return c.local.Stop(ctx)
}

// createDatabase makes an empty database.
func (c *cluster) createDatabase(ctx context.Context, name string) error {
	return c.with(ctx, "postgres", func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `CREATE DATABASE `+pgx.Identifier{name}.Sanitize())
		return err
	})
}

// copyDatabase copies a database that nobody is connected to, settled, so that both begin alike.
func (c *cluster) copyDatabase(ctx context.Context, from, to string) error {
	if err := c.settle(ctx, from); err != nil {
		return err
	}
	return c.with(ctx, "postgres", func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `DROP DATABASE IF EXISTS `+pgx.Identifier{to}.Sanitize())
		if err == nil {
			_, err = conn.Exec(ctx, `CREATE DATABASE `+pgx.Identifier{to}.Sanitize()+` TEMPLATE `+pgx.Identifier{from}.Sanitize())
		}
		return err
	})
}

func (c *cluster) with(ctx context.Context, database string, f func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, c.url(database))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return f(conn)
}

// settle writes out what loading left behind and brings the planner's statistics up to date, so that neither happens
// within a timed run.
func (c *cluster) settle(ctx context.Context, database string) error {
	return c.with(ctx, database, func(conn *pgx.Conn) error {
		if _, err := conn.Exec(ctx, `VACUUM (ANALYZE)`); err != nil {
			return err
		}
		_, err := conn.Exec(ctx, `CHECKPOINT`)
		return err
	})
}

// counters are the cluster's, at one moment.
type counters struct {
	writes int64 // the next transaction number: only transactions that write take one, so it counts commits that wait for the disk
	wal    int64 // bytes of write-ahead log
}

func readCounters(ctx context.Context, conn *pgx.Conn) (counters, error) {
	var c counters
	err := conn.QueryRow(ctx, `SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint, (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint`).Scan(&c.writes, &c.wal)
	return c, err
}

// publish brings a database to Firstline's schema and fills it through the knowledge base's own door. It returns how many
// passages there are.
func (c *cluster) publish(ctx context.Context, database string, docs []kb.Document) (int, error) {
	if err := postgres.Migrate(ctx, c.url(database)); err != nil {
		return 0, err
	}
	pool, err := postgres.Open(ctx, c.url(database), 2)
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	report, err := kb.NewStore(pool).Publish(ctx, docs, kb.PublishOptions{})
	if err != nil {
		return 0, err
	}
	if report.Passages != len(docs) {
		return 0, fmt.Errorf("%d articles gave %d passages; they were written to be one passage each", len(docs), report.Passages)
	}
	return report.Passages, nil
}

// The vectors that the floor searches are points around centres in a space of fewer dimensions than they have, as
// embeddings of texts on some thousand subjects are; vectors without such a structure are far harder to search.
const (
	floorCentres = 2000
	floorLatent  = 96
	floorQueries = 500
)

// loadFloor fills the floor's tables: as many passages as Firstline has, with vectors of 1,536 dimensions and an HNSW
// index over halfvec with pgvector's default parameters, and the vectors of questions.
func (c *cluster) loadFloor(ctx context.Context, database string, docs []kb.Document) error {
	return c.with(ctx, database, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, `
			CREATE EXTENSION vector;
			CREATE TABLE floor_passages (id bigint PRIMARY KEY, body text NOT NULL, embedding halfvec(1536) NOT NULL);
			CREATE TABLE floor_queries (id bigint PRIMARY KEY, embedding halfvec(1536) NOT NULL);
			CREATE TABLE floor_messages (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, conversation text NOT NULL, author text NOT NULL,
				body text NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
			CREATE INDEX ON floor_messages (conversation, id)`)
		if err != nil {
			return err
		}
		if err := pgxvector.RegisterTypes(ctx, conn); err != nil {
			return err
		}
		space := newVectorSpace(embeddingDimensions)
		_, err = conn.CopyFrom(ctx, pgx.Identifier{"floor_passages"}, []string{"id", "body", "embedding"},
			pgx.CopyFromSlice(len(docs), func(i int) ([]any, error) {
				return []any{int64(i), docs[i].Title + "\n" + docs[i].Markdown, pgvector.NewHalfVector(space.point())}, nil
			}))
		if err != nil {
			return err
		}
		_, err = conn.CopyFrom(ctx, pgx.Identifier{"floor_queries"}, []string{"id", "embedding"},
			pgx.CopyFromSlice(floorQueries, func(i int) ([]any, error) {
				return []any{int64(i), pgvector.NewHalfVector(space.point())}, nil
			}))
		if err != nil {
			return err
		}
		_, err = conn.Exec(ctx, `CREATE INDEX ON floor_passages USING hnsw (embedding halfvec_cosine_ops)`)
		return err
	})
}

// vectorSpace draws the floor's vectors, the same at every run.
type vectorSpace struct {
	rng     *rand.Rand
	basis   [][]float32 // floorLatent directions
	centres [][]float32
}

func newVectorSpace(dimensions int) *vectorSpace {
	s := &vectorSpace{rng: rand.New(rand.NewPCG(3, 5))}
	draw := func(n, size int) [][]float32 {
		m := make([][]float32, n)
		for i := range m {
			m[i] = make([]float32, size)
			for j := range m[i] {
				m[i][j] = float32(s.rng.NormFloat64())
			}
		}
		return m
	}
	s.basis, s.centres = draw(floorLatent, dimensions), draw(floorCentres, floorLatent)
	return s
}

// point returns a vector of length 1.
func (s *vectorSpace) point() []float32 {
	v := make([]float32, len(s.basis[0]))
	for i, at := range s.centres[s.rng.IntN(len(s.centres))] {
		at += 0.7 * float32(s.rng.NormFloat64()) // as far from the centre as texts on one subject are, about
		for j, b := range s.basis[i] {
			v[j] += at * b
		}
	}
	var square float64
	for i := range v {
		v[i] += float32(s.rng.NormFloat64())
		square += float64(v[i]) * float64(v[i])
	}
	scale := float32(1 / math.Sqrt(square))
	for i := range v {
		v[i] *= scale
	}
	return v
}
