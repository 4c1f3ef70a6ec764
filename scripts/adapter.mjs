// Makes sure that there is a WebGPU adapter before a search, a test or a benchmark runs.
//
// Dawn (npm `webgpu`) needs a Vulkan driver on Linux. A machine with a GPU and its driver is left as it is. Where there
// is no adapter at all, Mesa's software driver is installed, if this process may install packages; otherwise the
// command that would do it is printed. One line on stderr names the adapter, so that a software one is never used
// unnoticed.
//
// Exit codes: 0 an adapter was found, or the script stepped aside; 2 there is none; 130 the installation was
// interrupted. With `--optional` 0 in place of 2: a search may go on with the reference backend, and decides that
// itself.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const self = fileURLToPath(import.meta.url)
const say = line => process.stderr.write(`${line}\n`)
const stop = (...lines) => {
  lines.filter(line => line !== '').forEach(say)
  process.exit(process.argv[2] === '--optional' ? 0 : 2)
}

// --- The probe, in a child process: Dawn's native warnings cannot be caught from JavaScript, and a driver that was
// installed later may not be seen by a process that looked before.

const probeHere = async () => {
  const { create } = await import('webgpu')
  globalThis.pinnedGpu = create([]) // unreachable GPU objects crash the process, so this one stays reachable
  const adapter = await globalThis.pinnedGpu.requestAdapter()
  const { description, device, vendor, architecture, isFallbackAdapter } = adapter?.info ?? {}
  const found = adapter !== null && { description, device, vendor, architecture, isFallbackAdapter }
  process.stdout.write(JSON.stringify(found))
}

/** What a fresh process finds: `{ adapter }`, or `{ reason }` where there is none. */
const probe = () => {
  const child = spawnSync(process.execPath, [self, '--probe'], { encoding: 'utf8', timeout: 120_000 })
  const noise = (child.stderr ?? '')
    .split('\n')
    .filter(line => line.trim() !== '' && !/^\s+at |XDG_RUNTIME_DIR/.test(line))
    .map(line => line.replace(/^Warning: /, ''))
  if (noise.some(line => line.includes('ERR_MODULE_NOT_FOUND'))) {
    stop('The package `webgpu` was wanted to look for an adapter, but it is not installed: run `npm ci` first.')
  }
  const adapter = child.status === 0 && JSON.parse(child.stdout || 'false')
  if (adapter) return { adapter }
  const ended = child.status === 0 ? '' : `the probe ended with ${child.signal ?? child.error?.message ?? child.status}`
  return { reason: [ended, ...noise.slice(0, 5)].filter(line => line !== '').join('; ') || 'no reason was given' }
}

const describe = ({ description, device, vendor, architecture, isFallbackAdapter }) => {
  const software = isFallbackAdapter || (vendor === 'mesa' && architecture === 'software')
  const name = device || description || 'unnamed'
  const more = description && description !== name ? ` (${description})` : ''
  return `WebGPU adapter: ${name}${more}, vendor ${vendor || 'unknown'}${software ? ', software adapter' : ''}`
}

// --- Which package to install, and from where.

const osRelease = () => {
  const text = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : ''
  const value = key => new RegExp(`^${key}="?([^"\n]*)`, 'm').exec(text)?.[1] ?? ''
  return { id: value('ID'), like: value('ID_LIKE').split(' '), codename: value('VERSION_CODENAME') }
}

const driver = 'mesa-vulkan-drivers'
const backportsFile = '/etc/apt/sources.list.d/lambda-darts-backports.sources'

/** What commands printed, shown only if something fails. */
const log = []
/** The command that runs now, and whether a signal has come: then no other is begun. */
const now = { command: undefined, interrupted: false }

/** Runs a command. */
const quietly = async (command, ...args) => {
  if (now.interrupted) return { ok: false, stdout: '' }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' }
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  now.command = child
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', text => {
      said[name] += text
    })
  }
  const status = await new Promise(resolve => child.on('error', resolve).on('close', resolve))
  log.push(`$ ${command} ${args.join(' ')}`, `${said.stdout}${said.stderr}`.trim())
  return { ok: status === 0, stdout: said.stdout }
}

/**
 * While `act` runs, signals go to the command at hand, and the script ends after it: packages are not left half
 * unpacked.
 */
const ifNotInterrupted = async act => {
  const interrupt = name => {
    now.interrupted = true
    now.command?.kill(name)
  }
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const name of names) process.on(name, interrupt)
  const done = await act()
  for (const name of names) process.off(name, interrupt)
  if (!now.interrupted) return done
  say(`The package ${driver} was to be installed, but that was interrupted: run \`npm run adapter\` again.`)
  process.exit(130)
}

/** The archives that apt knows: `[address, release]` pairs. Empty before the first `apt-get update`. */
const archives = async () => {
  const { stdout } = await quietly(
    'apt-get',
    'indextargets',
    '--format',
    '$(REPO_URI) $(RELEASE)',
    'Created-By: Packages'
  )
  return stdout.split('\n').map(line => line.trim().split(' '))
}

/** The `Signed-By` field of the machine's own entry for a release, so that an added suite trusts the same key. */
const signedBy = codename => {
  const folder = '/etc/apt/sources.list.d'
  const files = [
    '/etc/apt/sources.list',
    ...(existsSync(folder) ? readdirSync(folder).map(name => `${folder}/${name}`) : [])
  ]
  const texts = files
    .filter(file => existsSync(file) && /\.(list|sources)$/.test(file))
    .map(file => readFileSync(file, 'utf8'))
  const stanza = texts
    .flatMap(text => text.replace(/^#.*\n/gm, '').split(/\n\s*\n/))
    .find(part => new RegExp(`^Suites:.*\\b${codename}(\\s|$)`, 'm').test(part))
  const line = texts.flatMap(text => text.split('\n')).find(text => new RegExp(`^deb .*\\s${codename}\\s`).test(text))
  const key = /^Signed-By:[^\n]*(\n[ \t][^\n]*)*/m.exec(stanza ?? '')?.[0]
  const option = /signed-by=([^\s\]]+)/.exec(line ?? '')?.[1]
  return key ?? (option ? `Signed-By: ${option.replaceAll(',', ' ')}` : '')
}

/** Adds the backports suite beside the machine's own archive of the release; true if apt knows it in the end. */
const addBackports = async codename => {
  const suite = `${codename}-backports`
  const known = await archives()
  if (known.some(([, release]) => release === suite)) return true
  const address = known.find(([, release]) => release === codename)?.[0]
  if (address === undefined) return false
  const entry = ['Types: deb', `URIs: ${address}`, `Suites: ${suite}`, 'Components: main', signedBy(codename)]
  writeFileSync(backportsFile, `${entry.filter(line => line !== '').join('\n')}\n`)
  await quietly('apt-get', 'update')
  const added = (await archives()).some(([, release]) => release === suite)
  if (!added) rmSync(backportsFile) // an entry that cannot be read would make every later update complain
  return added
}

/** Debian 12's own Mesa (22.3) lacks what Dawn requires; the one in its backports has it. */
const needsBackports = ({ id, codename }) => id === 'debian' && codename === 'bookworm'

const alreadyInstalled = async system => {
  const { ok, stdout } = await quietly('dpkg-query', '--list', driver)
  return ok && /^ii /m.test(stdout) && (!needsBackports(system) || stdout.includes('~bpo'))
}

const install = async system => {
  await quietly('apt-get', 'update') // an unrelated archive may fail here, so the installation decides
  const target = needsBackports(system) ? ['-t', `${system.codename}-backports`] : []
  if (target.length > 0 && !(await addBackports(system.codename))) return false
  const options = ['-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300']
  return (await quietly('apt-get', 'install', ...options, ...target, driver)).ok
}

const commandFor = system => {
  const isLike = (...names) => names.some(name => name === system.id || system.like.includes(name))
  if (needsBackports(system)) return `sudo ${process.execPath} ${self}`
  if (isLike('debian', 'ubuntu')) return `sudo apt-get update && sudo apt-get install --no-install-recommends ${driver}`
  if (isLike('fedora', 'rhel')) return `sudo dnf install ${driver}`
  if (isLike('arch')) return 'sudo pacman -S vulkan-swrast'
  if (isLike('suse', 'opensuse')) return 'sudo zypper install libvulkan_lvp'
  return ''
}

// --- The order of events.

const main = async () => {
  if (process.env.LAMBDA_DARTS_SKIP_ADAPTER === '1')
    return say('WebGPU adapter: not looked for (LAMBDA_DARTS_SKIP_ADAPTER=1)')
  if (process.platform !== 'linux') return say(`WebGPU adapter: left to the graphics drivers of ${process.platform}`)

  const first = probe()
  if (first.adapter) return say(describe(first.adapter))

  const system = osRelease()
  if (await alreadyInstalled(system)) {
    stop(
      `A WebGPU adapter was wanted, but none was found although ${driver} is installed (${first.reason}): check VK_DRIVER_FILES.`
    )
  }
  const hasApt = ['debian', 'ubuntu'].includes(system.id) && existsSync('/usr/bin/apt-get')
  const isRoot = process.getuid() === 0
  if (!hasApt || !isRoot) {
    const why = hasApt
      ? 'this user may not install one'
      : `this script installs one only on Debian and Ubuntu, not on ${system.id || 'this system'}`
    const command = commandFor(system)
    stop(
      `A WebGPU adapter was wanted, but no usable Vulkan driver was found (${first.reason}) and ${why}: install a GPU's driver or Mesa's software one.`,
      command && `  ${command}`
    )
  }

  say(`No WebGPU adapter was found: installing Mesa's software Vulkan driver (${driver})`)
  if (!(await ifNotInterrupted(() => install(system)))) {
    say(log.join('\n'))
    stop(
      `The package ${driver} was to be installed, but apt-get failed as shown above: repair apt's sources and run \`npm run adapter\` again.`
    )
  }
  const second = probe()
  if (second.adapter) return say(describe(second.adapter))
  stop(
    `A WebGPU adapter was wanted, but none was found after ${driver} was installed (${second.reason}): check VK_DRIVER_FILES.`
  )
}

if (process.argv[2] === '--probe') await probeHere()
else await main()
