/* The demo host page: what a company's own script would do. */
document.getElementById('open').addEventListener('click', () => window.Firstline?.open());
