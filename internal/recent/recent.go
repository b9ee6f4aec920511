// Package recent keeps what was made from something, for as long as it is asked for and memory allows. It never makes
// anything itself, and it promises nothing: what is not found is made again.
package recent

import "sync"

// Cache keeps values in two generations of at most so many bytes each. A generation that is full becomes the old one, and
// what is still in use moves from there to the new one; the rest is forgotten with the next change. The zero value is not
// fit for use; it is safe for concurrent use.
type Cache[K comparable, V any] struct {
	mu         sync.Mutex
	most       int // bytes of a generation
	size       int // of the young one
	young, old map[K]held[V]
}

type held[V any] struct {
	value V
	bytes int
}

// New returns a cache of at most so many bytes, as those who put something in count them.
func New[K comparable, V any](bytes int) *Cache[K, V] {
	return &Cache[K, V]{most: bytes / 2, young: map[K]held[V]{}}
}

// Get returns what is kept under a key.
func (c *Cache[K, V]) Get(key K) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h, ok := c.young[key]
	if ok {
		return h.value, true
	}
	if h, ok = c.old[key]; ok {
		delete(c.old, key) // or its key and its bytes would be there twice
		c.keep(key, h)
	}
	return h.value, ok
}

// Put keeps a value of so many bytes under a key, in place of what was there. What would fill a generation by itself is not
// kept.
func (c *Cache[K, V]) Put(key K, value V, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h, ok := c.young[key]; ok {
		c.size -= h.bytes
		delete(c.young, key)
	}
	delete(c.old, key)
	c.keep(key, held[V]{value, bytes})
}

func (c *Cache[K, V]) keep(key K, h held[V]) {
	if h.bytes > c.most {
		return
	}
	if c.size+h.bytes > c.most {
		c.old, c.young, c.size = c.young, map[K]held[V]{}, 0
	}
	c.young[key] = h
	c.size += h.bytes
}
