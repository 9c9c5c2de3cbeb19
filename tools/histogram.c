/* histogram.c: quantiles of durations: buckets as wide as a sixteenth of what they hold. */
#include "histogram.h"

#define SPAN_MAX (((hf_span)1 << 39) - 1)

/* Below 32 µs each microsecond has its own; above, the leading five bits choose. */
static size_t bucket_of(uint64_t us)
{
    unsigned shift = 0;

    while (us >> shift >= 32)
        shift++;
    return shift * 16 + (size_t)(us >> shift);
}

/* The largest value that a bucket holds. */
static hf_span value_of(size_t bucket)
{
    unsigned shift = bucket < 32 ? 0 : (unsigned)(bucket / 16 - 1);

    return (hf_span)(((uint64_t)(bucket - shift * 16) + 1) << shift) - 1;
}

void cli_histogram_add(cli_histogram *histogram, hf_span span)
{
    hf_span us = span < 0 ? 0 : span > SPAN_MAX ? SPAN_MAX : span;

    histogram->counts[bucket_of((uint64_t)us)]++;
    histogram->total++;
}

hf_span cli_histogram_quantile(const cli_histogram *histogram, unsigned percent)
{
    uint64_t rank = (histogram->total * percent + 99) / 100, seen = 0;

    for (size_t i = 0; i < CLI_HISTOGRAM_BUCKETS && histogram->total > 0; i++) {
        seen += histogram->counts[i];
        if (seen >= rank && seen > 0)
            return value_of(i);
    }
    return 0;
}
