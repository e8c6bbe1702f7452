# SPDX-License-Identifier: GPL-2.0
# What the Makefiles of testing/ share. They set PROGRAMS, the LIBS that pkg-config knows, and
# what a program needs besides the object of its own name, and are called with
#   make OUT=where-to KHDR=installed-kernel-headers KSFT=kernel/tools/testing/selftests
TOP := $(realpath $(dir $(lastword $(MAKEFILE_LIST)))/..)
BASE ?= 7.3
HERE := $(realpath $(dir $(firstword $(MAKEFILE_LIST))))
OUT ?= $(TOP)/build/$(BASE)/$(notdir $(HERE))
KHDR ?= $(TOP)/build/$(BASE)/kselftest/usr/include
KSFT ?= $(TOP)/build/$(BASE)/linux/tools/testing/selftests
UTIL ?= $(TOP)/tools/testing/selftests/media/vb2-fences

CC ?= gcc
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -Wall -Wextra $(CFLAGS) -isystem $(KHDR) -isystem $(KSFT) \
	-I$(UTIL) -I$(TOP)/testing/models -I$(OUT) \
	$(if $(LIBS),$(shell pkg-config --cflags $(LIBS)))
LDLIBS = -pthread -lm $(if $(LIBS),$(shell pkg-config --libs $(LIBS)))
HEADERS := $(wildcard $(TOP)/testing/*/*.h $(UTIL)/*.h)

# A name that is here, too, is the one that is here.
vpath %.c $(HERE) $(UTIL) $(addprefix $(TOP)/testing/,models rga consumer)
# All that a program needs to drive rga, or a decoder, or to have any producer of pictures
RGA := $(addprefix $(OUT)/,rga.o reference.o hantro.o vb2_fences_util.o)
PRODUCER := $(OUT)/producer.o $(RGA)

all: $(addprefix $(OUT)/,$(PROGRAMS))

$(OUT):
	mkdir -p $@

$(OUT)/%.o: %.c $(HEADERS) | $(OUT)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(OUT)/hantro.o $(OUT)/rga.o: $(OUT)/%.o: $(TOP)/testing/%/submit.c $(HEADERS) | $(OUT)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

# cases.c is one program of the kselftest at a time.
CASES := $(filter cases%,$(PROGRAMS))
$(OUT)/cases_teardown.o: CFLAGS += -DCASES_TEARDOWN
$(OUT)/cases_stress.o: CFLAGS += -DCASES_STRESS
$(CASES:%=$(OUT)/%.o): $(HERE)/cases.c $(HEADERS) $(wildcard $(UTIL)/*.c) | $(OUT)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(PROGRAMS:%=$(OUT)/%): %: %.o
	$(CC) $(ALL_CFLAGS) -o $@ $^ $(LDLIBS)

.PHONY: all
.SECONDARY:
