#!/bin/sh
# Builds the program in test/oracles/go (franz-go) into the folder that is given.
set -eu
folder=$1
mkdir -p "$folder"
cd "$(dirname "$0")/../../test/oracles/go"
PATH=$PATH:/usr/local/go/bin
export PATH
go build -o "$folder/franz" .
touch "$folder/franz"
