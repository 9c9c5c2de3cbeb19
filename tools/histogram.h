/* histogram.h: quantiles of durations in fixed memory. Pure. */
#ifndef CLI_HISTOGRAM_H
#define CLI_HISTOGRAM_H

#include <holdfast/base.h>

/* Sixteen buckets for each power of two: a quantile is off by at most a sixteenth. */
#define CLI_HISTOGRAM_BUCKETS ((40 - 3) * 16)

/* Zeroes are empty. */
typedef struct cli_histogram {
    uint64_t counts[CLI_HISTOGRAM_BUCKETS];
    uint64_t total;
} cli_histogram;

void cli_histogram_add(cli_histogram *histogram, hf_span span); /* below zero counts as zero, above 6 days as that */

/* The duration that `percent` of all do not exceed; 0 when there are none. */
hf_span cli_histogram_quantile(const cli_histogram *histogram, unsigned percent);

#endif
