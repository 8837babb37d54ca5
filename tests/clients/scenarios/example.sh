#!/usr/bin/env bash
# Runs a project of `create-discord-bot` by its own scripts: tells its commands, then starts its bot.
set -euo pipefail
cd -- "$EXAMPLE"
export NODE_OPTIONS="--import=$PRELOAD"
npm run --silent deploy
exec npm run --silent start
