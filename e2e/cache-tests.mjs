// Runs the public HTTP cache tests (npm http-cache-tests) against a cache in front of their origin.
//
//   node cache-tests.mjs origin PORT     the tests' origin, on loopback
//   node cache-tests.mjs run BASE [ID]   runs all tests through the cache at BASE, prints one JSON object:
//                                        { "counts": {…}, "tests": { id: { kind, verdict, note } } }
//                                        with ID that test alone, its requests and answers shown
//
// A test passes only if the tests it depends on pass too, which is how its authors count.

import http from 'node:http'
import { readFileSync } from 'node:fs'
import suites from 'http-cache-tests/tests/index.mjs'

const [mode, ...rest] = process.argv.slice(2)
if (mode === 'origin' && rest.length === 1) await origin(Number(rest[0]))
else if (mode === 'run' && rest.length >= 1) await run(...rest)
else {
  console.error('usage: node cache-tests.mjs origin PORT | run BASE [ID]')
  process.exit(2)
}

async function origin (port) {
  const part = name => import(`http-cache-tests/server/handle-${name}.mjs`).then(module => module.default)
  const [config, state, test] = await Promise.all(['config', 'state', 'test'].map(part))
  // The handlers tell of each odd request, and odd requests are what they are for.
  console.log = () => {}
  const server = http.createServer((request, response) => {
    const [, what, ...segments] = new URL(request.url, 'http://origin.test/').pathname.split('/')
    const handler = { config, state, test }[what]
    if (handler) return handler(segments, request, response)
    response.writeHead(404).end()
  })
  server.keepAliveTimeout = 60_000
  server.listen(port, '127.0.0.1')
}

async function run (base, only) {
  const { runTests, getResults } = await import('http-cache-tests/client/runner.mjs')
  const { default: fetch } = await import('node-fetch')
  const wanted = only ? suites.map(suite => ({ ...suite, tests: suite.tests.filter(test => test.id === only) })) : suites
  if (only) wanted.forEach(suite => suite.tests.forEach(test => { test.dump = true }))
  const said = console.log
  if (!only) console.log = () => {}
  await runTests(wanted, fetch, false, base, 100)
  console.log = said
  console.log(JSON.stringify(summary(getResults())))
}

function summary (results) {
  const byId = new Map(suites.flatMap(suite => suite.tests).map(test => [test.id, test]))
  const verdicts = new Map()
  const verdict = id => {
    if (!verdicts.has(id)) verdicts.set(id, judge(byId.get(id), results[id], verdict))
    return verdicts.get(id)
  }
  const tests = {}
  const counts = { required: [0, 0], optimal: [0, 0], check: [0, 0] }
  for (const id of Object.keys(results)) {
    const kind = byId.get(id).kind ?? 'required'
    tests[id] = { kind, verdict: verdict(id), note: results[id] === true ? '' : results[id].join(': ') }
    counts[kind][1] += 1
    if (tests[id].verdict === 'pass') counts[kind][0] += 1
  }
  return { version: version(), counts, tests }
}

function judge (test, result, verdict) {
  if (result === undefined) return 'not run'
  const unmet = (test.depends_on ?? []).some(id => verdict(id) !== 'pass')
  if (unmet) return 'prerequisite'
  if (result === true) return 'pass'
  return result[0] === 'Setup' ? 'setup' : 'fail'
}

function version () {
  return JSON.parse(readFileSync(new URL('node_modules/http-cache-tests/package.json', import.meta.url))).version
}
