package recent_test

import (
	"testing"

	"github.com/firstline/firstline/internal/recent"
	"pgregory.net/rapid"
)

// What is used once in each generation stays; what is not is forgotten.
func TestInUse(t *testing.T) {
	t.Parallel()
	c := recent.New[int, int](20)
	c.Put(-1, -10, 1)
	c.Put(-2, -20, 1)
	for i := range 100 {
		c.Put(i, i, 1)
		if v, ok := c.Get(-1); !ok || v != -10 {
			t.Fatalf("after %d others, what is in use is %d, %v", i+1, v, ok)
		}
	}
	if _, ok := c.Get(-2); ok {
		t.Error("nobody asked for it, and it is still there")
	}
	if v, ok := c.Get(99); !ok || v != 99 {
		t.Errorf("the newest: %d, %v", v, ok)
	}
}

// Whatever is put in, the bytes that are kept stay within the bound, and what is found is what was put in last.
func TestWithin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(2, 60).Draw(t, "most")
		c := recent.New[int, int](most)
		values, sizes := map[int]int{}, map[int]int{}
		for step := range rapid.IntRange(1, 200).Draw(t, "steps") {
			key := rapid.IntRange(0, 30).Draw(t, "key")
			if rapid.Bool().Draw(t, "get") {
				if v, ok := c.Get(key); ok && v != values[key] {
					t.Fatalf("%d is %d, want %d", key, v, values[key])
				}
				continue
			}
			size := rapid.IntRange(1, 12).Draw(t, "size")
			values[key], sizes[key] = step, size
			c.Put(key, step, size)
			if _, ok := c.Get(key); ok != (size <= most/2) {
				t.Fatalf("of %d bytes within %d: kept %v", size, most, ok)
			}
			if kept := c.Bytes(sizes); kept > most {
				t.Fatalf("%d bytes within %d", kept, most)
			}
		}
	})
}
