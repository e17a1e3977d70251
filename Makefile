# Needs Python 3.11 or later, make and a package index. Nothing here needs root, a running server
# or Docker; only `test` installs Chromium by apt, where it is missing and it may.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Many tests wait for processes of their own, so that two cores have work for three.
TEST_WORKERS ?= 3
# They all read the same modules, which are compiled once, whatever the shell says about that.
COMPILED_ONCE := PYTHONDONTWRITEBYTECODE=
CHROMIUM_NAMES := chromium chromium-browser google-chrome-stable google-chrome
COMPILE = UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile pyproject.toml --quiet \
	--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --system-certs

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint format bench assets check-assets lock check-lock clean chromium

help: ## Show this list · Xem danh sách này
	@grep -E '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | \
		awk -F ':.*## ' '{ printf "  make %-13s %s\n", $$1, $$2 }'

demo: $(VENV)/.runtime ## Run the whole product, DEMO="--until-done" for one round · Chạy thử toàn bộ
	$(BIN)/nurture demo $(DEMO)

test: $(VENV)/.development chromium ## Run every test, PYTEST="-k word" for some · Chạy kiểm thử
	$(COMPILED_ONCE) $(BIN)/pytest -n $(TEST_WORKERS) --dist worksteal $(PYTEST)

lint: $(VENV)/.development ## Check format, style and types · Soát định dạng, lỗi và kiểu
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.development ## Put the code into its format · Định dạng mã nguồn
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.development ## Measure speed, write benchmarks/results · Đo tốc độ
	$(BIN)/python -m benchmarks $(BENCH)

assets: ## Rebuild the admin's scripts and styles; needs Node · Dựng lại giao diện
	cd frontend && npm ci --ignore-scripts && npm run build

check-assets: ## Fail when they are out of step with frontend/ · Kiểm tra giao diện đã dựng
	cd frontend && npm ci --ignore-scripts && npm run check

lock: $(VENV)/.locking ## Bring both lock files in step with pyproject.toml · Cập nhật tệp khóa
	$(COMPILE) --group build --output-file requirements.lock $(LOCK)
	$(COMPILE) --group build --group dev --group lock --constraint requirements.lock \
		--output-file requirements-dev.lock $(LOCK)

# Hashes are left out of the comparison, because a wheel for another machine may be added to
# a release at any time and changes nothing for the ones that are locked.
check-lock: $(VENV)/.locking ## Fail when the lock files are out of step · Kiểm tra tệp khóa
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	cp pyproject.toml requirements.lock requirements-dev.lock "$$folder" && \
	$(MAKE) --no-print-directory --directory "$$folder" --makefile "$(CURDIR)/Makefile" \
		VENV="$(abspath $(VENV))" lock >/dev/null && \
	for file in requirements.lock requirements-dev.lock; do \
		grep -- '==' $$file | sed 's/ *\\$$//' >"$$folder/committed" && \
		grep -- '==' "$$folder/$$file" | sed 's/ *\\$$//' >"$$folder/computed" && \
		diff "$$folder/committed" "$$folder/computed" || \
		{ echo "$$file is out of step with pyproject.toml: run 'make lock'." >&2; exit 1; }; \
	done

clean: ## Remove what make and the tools made; keeps var/ · Dọn dẹp, giữ lại var/
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed: make PYTHON=python3.13 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "Python's venv module is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what Nurture needs into $(VENV) ..."
	@$(PIP) install --require-hashes --requirement requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.development: requirements-dev.lock $(VENV)/.runtime
	@echo "Installing what tests and checks need into $(VENV) ..."
	@$(PIP) install --require-hashes --requirement requirements-dev.lock
	@touch $@

# The lock files cannot install the tool that makes them while they are being made.
$(VENV)/.locking: | $(BIN)/python
	@test -x $(BIN)/uv || $(PIP) install uv
	@touch $@

chromium:
	@for name in $(CHROMIUM_NAMES); do command -v $$name >/dev/null && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Chromium, which the tests drive ..."; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq \
			--yes --no-install-recommends chromium fonts-noto-core >/dev/null; \
	else \
		echo "The tests drive Chromium and it is not installed." >&2; \
		echo "Install it (Debian, Ubuntu: sudo apt-get install chromium fonts-noto-core;" >&2; \
		echo "Fedora: sudo dnf install chromium; macOS: brew install --cask google-chrome)" >&2; \
		echo "and run make test again." >&2; \
		exit 1; \
	fi
