package recent

// Bytes counts what is kept by the given sizes.
func (c *Cache[K, V]) Bytes(sizes map[K]int) (n int) {
	for _, m := range []map[K]held[V]{c.young, c.old} {
		for key := range m {
			n += sizes[key]
		}
	}
	return n
}
