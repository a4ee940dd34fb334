#!/bin/sh
# Fetches the jars of the pinned Kafka broker (pom.xml) from Maven Central into build/jars, once.
# Prints what it does, one line per step; does nothing the second time. Needs mvn and java.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
jars=$here/build/jars
stamp=$here/build/jars.pom

if [ -d "$jars" ] && cmp -s "$here/pom.xml" "$stamp"; then
	exit 0
fi
for tool in java mvn; do
	if ! command -v "$tool" >/dev/null 2>&1; then
		echo "kafka: $tool is missing; install it with: apt-get install -y --no-install-recommends default-jre-headless maven" >&2
		exit 1
	fi
done

version=$(sed -n 's|.*<version>\([0-9.]*\)</version>.*|\1|p' "$here/pom.xml" | sed -n 2p)
echo "kafka: fetching the jars of Apache Kafka $version (54 MB, about 40 s the first time)"
mkdir -p "$here/build"
rm -rf "$jars.next" "$stamp"
# -C: a jar whose checksum is wrong is no jar.
if ! mvn -q -B -C -f "$here/pom.xml" dependency:copy-dependencies \
	-DincludeScope=runtime -DoutputDirectory="$jars.next" >"$here/build/fetch.log" 2>&1; then
	echo "kafka: Maven could not fetch them; the last lines of infra/kafka/build/fetch.log:" >&2
	tail -n 5 "$here/build/fetch.log" >&2
	exit 1
fi
rm -rf "$jars"
mv "$jars.next" "$jars"
cp "$here/pom.xml" "$stamp"
echo "kafka: $(ls "$jars" | wc -l) jars in infra/kafka/build/jars"
