import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { onPath, TOOLS, venv, type MavenProject, type ToolName } from './need.ts'

/**
 * Gets the tools that are missing, where this machine can: Debian packages as root, Python packages into a virtual
 * environment of the checkout, jars and what our scripts build into folders of it. Says what it could not get; the tests
 * that need it then say that they were skipped.
 */
export function getTools(say: (line: string) => void): void {
  const missing = Object.entries(TOOLS).filter(([, tool]) => tool.find() === undefined)
  if (missing.length === 0) return
  say(`Getting what the tests need: ${missing.map(([name]) => name).join(', ')}`)
  const debian = missing.flatMap(([, tool]) => ('debian' in tool ? tool.debian : []))
  const pypi = missing.flatMap(([, tool]) => ('pypi' in tool ? tool.pypi : []))
  if (debian.length > 0) getDebian(debian, say)
  if (pypi.length > 0) getPython(pypi, say)
  for (const [, tool] of missing) if ('npm' in tool) getNpm(tool.npm, say)
  for (const [name, tool] of missing) if ('maven' in tool) getJars(name, tool.maven, say)
  for (const [, tool] of missing) {
    if ('script' in tool) run(fileURLToPath(new URL(tool.script.path, import.meta.url)), [tool.script.folder], say)
  }
  for (const [name] of missing) {
    if (TOOLS[name as ToolName].find() === undefined) say(`Cannot get "${name}": its tests will be skipped`)
  }
}

function getDebian(packages: readonly string[], say: (line: string) => void): void {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    say(`Cannot install Debian packages here: as root, run apt-get install ${packages.join(' ')}`)
    return
  }
  run('apt-get', ['update', '-qq'], say)
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], say)
}

function getPython(packages: readonly string[], say: (line: string) => void): void {
  if (!existsSync(venv) && !run('python3', ['-m', 'venv', venv], say)) return
  run(`${venv}/bin/python3`, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages], say)
}

function getNpm(
  { folder, packages }: { readonly folder: string; readonly packages: readonly string[] },
  say: (line: string) => void,
): void {
  mkdirSync(folder, { recursive: true })
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-save', '--loglevel', 'error']
  run('npm', ['install', '--prefix', folder, ...quiet, ...packages], say)
}

function getJars(name: string, { pom, folder, properties }: MavenProject, say: (line: string) => void): void {
  if (!onPath('java') || !onPath('mvn')) {
    say(`Cannot get "${name}": it needs java (17 or newer) and mvn on the path`)
    return
  }
  // Jars of two releases in one folder would both be on the class path.
  rmSync(folder, { recursive: true, force: true })
  const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies'
  const defined = Object.entries(properties).map(([key, value]) => `-D${key}=${value}`)
  const file = fileURLToPath(new URL(pom, import.meta.url))
  const args = ['-q', '-B', '-f', file, plugin, '-DincludeScope=runtime', `-DoutputDirectory=${folder}`, ...defined]
  run('mvn', args, say)
}

function run(program: string, args: readonly string[], say: (line: string) => void): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const { status, stderr, error } = spawnSync(program, args, { env, encoding: 'utf8', maxBuffer: 64 << 20 })
  if (status !== 0)
    say(`Cannot run "${program} ${args.slice(0, 2).join(' ')}": ${error?.message ?? stderr.slice(-400)}`)
  return status === 0
}
