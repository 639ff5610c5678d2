package resp

import "runtime/metrics"

// heapInUse returns the memory that the process's live and not yet collected objects take, in bytes.
func heapInUse() uint64 { return metric("/memory/classes/heap/objects:bytes") }

// metric returns one of the runtime's numbers. Reading it does not stop the process.
func metric(name string) uint64 {
	sample := []metrics.Sample{{Name: name}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}
