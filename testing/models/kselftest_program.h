/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One program of the kselftest, tools/testing/selftests/media/vb2-fences, as it is but for its
 * variants: who includes this adds those of another device, and TEST_HARNESS_MAIN.
 */
#include "kselftest_harness.h"

/* Those in there are for other devices. */
#pragma push_macro("FIXTURE_VARIANT_ADD")
#undef FIXTURE_VARIANT_ADD
#define FIXTURE_VARIANT_ADD(fixture, name)						\
	static const __attribute__((unused)) FIXTURE_VARIANT(fixture) fixture##_##name =
#undef TEST_HARNESS_MAIN
#define TEST_HARNESS_MAIN

#if defined(CASES_TEARDOWN)
#include "vb2_fences_teardown.c"
#elif defined(CASES_STRESS)
#include "vb2_fences_stress.c"
#else
#include "vb2_fences.c"
#endif

#pragma pop_macro("FIXTURE_VARIANT_ADD")
