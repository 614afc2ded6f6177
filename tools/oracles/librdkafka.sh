#!/bin/sh
# Builds librdkafka's own test suite into the folder that is given, out of Debian's source package. About a minute on
# two cores: without optimisation, which the tests do not need.
set -eu
folder=$1
rm -rf "$folder"
mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial"
cd "$folder"
# A list of sources of our own: that of the machine has none of source packages, and is not ours to change.
. /etc/os-release
echo "deb-src http://deb.debian.org/debian $VERSION_CODENAME main" >apt/sources.list
apt() {
  apt-get -q -o Dir::Etc::sourcelist="$folder/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::State::lists="$folder/apt/lists" -o Dir::Cache="$folder/apt/cache" -o APT::Sandbox::User=root "$@"
}
apt update
apt source --download-only librdkafka
tar -xzf librdkafka_*.orig.tar.gz
cd librdkafka-*
./configure --disable-sasl --disable-optimization --disable-debug-symbols
make -j "$(nproc)" libs
make -j "$(nproc)" -C tests build
rm -rf "$folder/apt"
# Last, so that half a build is not taken for one.
ln -s "$PWD/tests" "$folder/tests"
