export default () => ({ databases: { default: JSON.parse(process.env.SIGNALBOX_TEST_DATABASE) } })
