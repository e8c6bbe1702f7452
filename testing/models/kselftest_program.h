/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One program of the kselftest, tools/testing/selftests/media/vb2-fences, as it is but for its
 * variants: who includes this adds those of another device, and main().
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

/* All fixtures but two at most; NULL ends their names. */
static int run_without(int argc, char **argv, char **names)
{
	char *args[argc + 5];
	int n = 0;

	args[n++] = argv[0];
	for (; *names; names++) {
		args[n++] = "-F";
		args[n++] = *names;
	}
	memcpy(args + n, argv + 1, argc * sizeof(*argv));
	return test_harness_run(n + argc - 1, args);
}
